-- Removes a pointer, if it still is what it was. KEYS[1] is the pointer; ARGV: what it was.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
