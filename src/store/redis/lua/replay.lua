-- Remembers what may be presented once. KEYS[1] is its id's; ARGV: the time; until when; a name of this call, which
-- may be sent twice; for how long Redis keeps it, or nothing for ever. Says whether it was not remembered.
local held = redis.call('GET', KEYS[1])
if held then
  local till, by = string.match(held, '^(%S+) (%S+)')
  if by == ARGV[3] then
    return 1
  end
  if is_before(ARGV[1], till) then
    return 0
  end
end
local value = ARGV[2] .. ' ' .. ARGV[3]
if ARGV[4] == '' then
  redis.call('SET', KEYS[1], value)
else
  redis.call('SET', KEYS[1], value, 'PX', ARGV[4])
end
return 1
