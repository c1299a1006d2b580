-- Ends those tokens that a filter means, and says how many.
--
-- ARGV: the time; a name for this call; the channel; what is said there; the id that is spared and the
-- session that is meant, each '' for none or after a '='; 1 if every kind is meant; 1 if every unknown kind
-- is; how many kinds are known, and these; the kinds that are meant.
local now, call, channel, message = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local spared, session = ARGV[5], ARGV[6]
local takes_all, takes_unknown = ARGV[7] == '1', ARGV[8] == '1'
local last_known = 9 + tonumber(ARGV[9])
local known, meant = {}, {}
for i = 10, last_known do
  known[ARGV[i]] = true
end
for i = last_known + 1, #ARGV do
  meant[ARGV[i]] = true
end

local ending, ended = {}, 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local key = record_key(id)
  local held = redis.call('HMGET', key, 'kind', 'session', 'revoked', 'ended_by')
  local kind, its_session, revoked, ended_by = unpack(held)
  if not kind then
    make_sure_of_none(key)
  end
  local is_kind = kind and (takes_all or meant[kind] or (takes_unknown and not known[kind]))
  local is_session = session == '' or (its_session and session == '=' .. its_session)
  if is_kind and is_session and spared ~= '=' .. id then
    if not revoked then
      ending[#ending + 1] = key
    elseif ended_by == call then
      ended = ended + 1
    end
  end
end
for _, key in ipairs(ending) do
  redis.call('HSET', key, 'revoked', now, 'ended_by', call)
end
ended = ended + #ending
if ended > 0 then
  redis.call('PUBLISH', channel, message)
end
return ended
