-- Keeps a revocation. KEYS[1] is its target's; ARGV: before when tokens were issued that it ends; until when
-- it counts; the channel; what is said there. The latest of each stays.
local before, till = ARGV[1], ARGV[2]
local held = redis.call('GET', KEYS[1])
local rest = ''
if held then
  local held_before, held_till, more = string.match(held, '^(%S+) (%S+)(.*)$')
  if is_before(before, held_before) then
    before = held_before
  end
  if is_before(till, held_till) then
    till = held_till
  end
  -- What a newer version has written there.
  rest = more
end
redis.call('SET', KEYS[1], before .. ' ' .. till .. rest)
-- Redis tidies up a day after it is over. Where it is over by Redis's clock already, that clock is not the
-- one that counts, and it stays until it is pruned.
local clock = redis.call('TIME')
local over, now = tonumber(till), tonumber(clock[1]) * 1000
if over > now and over < 4503599627370496 then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', over + 86400000))
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 'done'
