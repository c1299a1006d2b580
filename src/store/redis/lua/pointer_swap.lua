-- Turns a pointer to another record, if it still is what it was. KEYS[1] is the pointer; ARGV: what it was;
-- what it shall be; how many milliseconds it is kept, or '' for ever.
local held = redis.call('GET', KEYS[1])
if held == ARGV[2] then
  return 1
end
if held ~= ARGV[1] then
  return 0
end
if ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
