-- Ends a token. ARGV: its id; the time; a name for this call; the channel; what is said there.
local key = record_key(ARGV[1])
local held = redis.call('HMGET', key, 'digest', 'revoked', 'ended_by')
if not held[1] then
  make_sure_of_none(key)
  return 'missing'
end
if held[2] then
  -- By this very call, if it is sent again.
  return held[3] == ARGV[3] and 'done' or 'ended'
end
redis.call('HSET', key, 'revoked', ARGV[2], 'ended_by', ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 'done'
