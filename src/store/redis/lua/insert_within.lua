-- Adds a record where its subject has room for it.
--
-- ARGV: the time; how many there may be; 1 if the oldest shall end to make room; the kind; 1 if every
-- unknown kind is of that kind; the channel; what is said there of a token that ends, before and after its
-- id; how many kinds are known, and these; the new record.
local now, max, make_room = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local kind, takes_unknown = ARGV[4], ARGV[5] == '1'
local channel, before_id, after_id = ARGV[6], ARGV[7], ARGV[8]
local known = {}
for i = 1, tonumber(ARGV[9]) do
  known[ARGV[9 + i]] = true
end
local new = read_new(10 + tonumber(ARGV[9]))

local ids = redis.call('ZRANGE', KEYS[1], 0, -1)
local objection = objection_to(new)
if objection == 'done' then
  local answer = { 'done' }
  for _, id in ipairs(ids) do
    if redis.call('HGET', record_key(id), 'ended_by') == new.claim then
      answer[#answer + 1] = id
    end
  end
  return answer
end

local live = {}
for place, id in ipairs(ids) do
  local held = redis.call('HMGET', record_key(id), 'kind', 'created', 'expires', 'idle', 'used', 'revoked')
  local its_kind, created, expires, idle, used, revoked = unpack(held)
  if not its_kind then
    make_sure_of_none(record_key(id))
  end
  local is_of_kind = its_kind == kind or (takes_unknown and its_kind and not known[its_kind])
  if is_of_kind and not revoked then
    local over = end_of(expires, idle, used, created)
    if not over or tonumber(now) < over then
      live[#live + 1] = { id = id, created = created, place = place }
    end
  end
end
local surplus = math.max(#live + 1 - max, 0)
if surplus > 0 and not make_room then
  return { objection or 'full' }
end
if objection then
  return { objection }
end

-- By age, then by the bytes of the ids, in whose order they were read. Texts are not compared here: how
-- Lua does that depends on the server's locale.
table.sort(live, function(a, b)
  if a.created ~= b.created then
    return is_before(a.created, b.created)
  end
  return a.place < b.place
end)
add(new)
local answer = { 'done' }
for i = 1, surplus do
  local id = live[i].id
  redis.call('HSET', record_key(id), 'revoked', now, 'ended_by', new.claim)
  redis.call('PUBLISH', channel, before_id .. cjson.encode(id) .. after_id)
  answer[#answer + 1] = id
end
return answer
