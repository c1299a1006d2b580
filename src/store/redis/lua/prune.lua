-- Removes records that were over by a time. ARGV: the time; how many at most.
-- Answers the digest, the claim and the id of each.
local before, max = tonumber(ARGV[1]), tonumber(ARGV[2])
local answer = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if #answer >= 3 * max then
    break
  end
  local key = record_key(id)
  local fields = { 'digest', 'claim', 'created', 'expires', 'idle', 'used', 'revoked' }
  local held = redis.call('HMGET', key, unpack(fields))
  local digest, claim, created, expires, idle, used, revoked = unpack(held)
  if not digest then
    make_sure_of_none(key)
    redis.call('ZREM', KEYS[1], id)
  else
    local over = end_of(expires, idle, used, created)
    if (revoked and tonumber(revoked) <= before) or (over and over <= before) then
      redis.call('DEL', key)
      redis.call('ZREM', KEYS[1], id)
      answer[#answer + 1] = digest
      answer[#answer + 1] = claim or ''
      answer[#answer + 1] = id
    end
  end
end
return answer
