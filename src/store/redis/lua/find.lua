-- Follows a pointer to its record, on a server that has all of them. KEYS[1] is the pointer; ARGV: the
-- prefix of all keys; how long the parts of a pointer before the id are.
local pointer = redis.call('GET', KEYS[1])
if not pointer then
  return false
end
local tag, id = string.sub(pointer, 1, ARGV[2]), string.sub(pointer, ARGV[3] + 1)
return { id, redis.call('HGETALL', ARGV[1] .. ':{' .. tag .. '}:t:' .. id) }
