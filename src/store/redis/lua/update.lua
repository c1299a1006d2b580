-- Changes fields of a record and leaves all others, those of a newer version among them.
--
-- ARGV: the id; the channel; what is said there; the digest and the end that the change was worked out
-- from, each '' for any or after a '='; the claim on a new digest, or ''; how many milliseconds it is kept
-- at most, 'ever', or '' for as long as it was; how many fields are set, and each with its value; the fields
-- that are removed.
local id, channel, message = ARGV[1], ARGV[2], ARGV[3]
local digest, expires, claim, ttl = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local key = record_key(id)
local held = redis.call('HMGET', key, 'revoked', 'digest', 'expires', 'claim')
if not held[2] then
  make_sure_of_none(key)
  return 'missing'
end
if held[1] then
  return 'ended'
end
-- A call that is sent again finds its own claim.
if claim == '' or held[4] ~= claim then
  if digest ~= '' and digest ~= '=' .. held[2] then
    return 'stale'
  end
  if expires ~= '' and expires ~= '=' .. (held[3] or '') then
    return 'stale'
  end
  if claim ~= '' then
    -- Somebody who found no record here has the claim, and perhaps a record by it, perhaps not yet.
    if redis.call('EXISTS', void_key(claim)) == 1 then
      return 'stale'
    end
    make_sure_of_none(void_key(claim))
  end
end

local last_set = 8 + 2 * tonumber(ARGV[8])
for i = 9, last_set, 2 do
  redis.call('HSET', key, ARGV[i], ARGV[i + 1])
end
for i = last_set + 1, #ARGV do
  redis.call('HDEL', key, ARGV[i])
end
if ttl == 'ever' then
  redis.call('PERSIST', key)
elseif ttl ~= '' then
  redis.call('PEXPIRE', key, ttl)
end
redis.call('PUBLISH', channel, message)
return redis.call('HGETALL', key)
