-- Adds a record in place of another.
--
-- ARGV: the id of the old one; the time; when an overlap ends, or '' for none; the channel; what is said
-- there; the new record.
local old, now, overlap_end, channel, message = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local new = read_new(6)
local old_key = record_key(old)
local objection = objection_to(new)
local held = redis.call('HMGET', old_key, 'revoked', 'replaced_by', 'expires')
if objection == 'done' then
  return 'done'
end
if redis.call('EXISTS', old_key) == 0 then
  make_sure_of_none(old_key)
  return 'missing'
end
if held[1] or held[2] then
  return 'ended'
end
if objection then
  return objection
end
add(new)
if overlap_end == '' then
  redis.call('HSET', old_key, 'replaced_by', new.id, 'revoked', now)
elseif not held[3] or is_before(overlap_end, held[3]) then
  redis.call('HSET', old_key, 'replaced_by', new.id, 'expires', overlap_end)
else
  redis.call('HSET', old_key, 'replaced_by', new.id)
end
redis.call('PUBLISH', channel, message)
return 'done'
