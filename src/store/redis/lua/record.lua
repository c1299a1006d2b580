-- For the scripts that add a record.

-- The new record as ARGV has it from `place` on: its id, the claim on its digest, how many milliseconds it
-- is kept at most or '' for ever, how many fields it has, and each with its value.
local function read_new(place)
  local new = { id = ARGV[place], claim = ARGV[place + 1], ttl = ARGV[place + 2], fields = {} }
  for i = 1, 2 * tonumber(ARGV[place + 3]) do
    new.fields[i] = ARGV[place + 3 + i]
  end
  return new
end

-- 'done' if this very call added it already: a cluster's client sends a call again whose answer was lost.
-- 'exists' if its id is taken; 'void' if somebody who found no record here has its claim, and perhaps a record
-- by it, perhaps not yet. Otherwise nil.
local function objection_to(new)
  local key = record_key(new.id)
  if redis.call('EXISTS', key) == 1 then
    if redis.call('HGET', key, 'claim') == new.claim then
      return 'done'
    end
    return 'exists'
  end
  make_sure_of_none(key, void_key(new.claim))
  if redis.call('EXISTS', void_key(new.claim)) == 1 then
    return 'void'
  end
  return nil
end

local function add(new)
  local key = record_key(new.id)
  redis.call('HSET', key, 'claim', new.claim, unpack(new.fields))
  if new.ttl ~= '' then
    redis.call('PEXPIRE', key, new.ttl)
  end
  redis.call('ZADD', KEYS[1], 0, new.id)
end
