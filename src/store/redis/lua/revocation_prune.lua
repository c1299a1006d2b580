-- Forgets a revocation if it is over. KEYS[1] is its target's; ARGV: the time.
local held = redis.call('GET', KEYS[1])
local till = held and string.match(held, '^%S+ (%S+)')
if till and not is_before(ARGV[1], till) then
  return redis.call('DEL', KEYS[1])
end
return 0
