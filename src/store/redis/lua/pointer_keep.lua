-- Keeps a pointer for longer, never shorter. KEYS[1] is the pointer; ARGV: for how many milliseconds, or ''
-- for ever.
if ARGV[1] == '' then
  return redis.call('PERSIST', KEYS[1])
end
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left < tonumber(ARGV[1]) then
  return redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 0
