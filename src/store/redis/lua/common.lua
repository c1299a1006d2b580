-- What every script about a subject's records begins with.
--
-- KEYS[1] is the subject's index: a sorted set of the ids of their records, all of score 0, so that they
-- stand in the order of their bytes. The keys of the records are made here. They are not named in KEYS,
-- since nobody knows them all before the script runs; they lie in the same slot, by the braces in KEYS[1].
--
-- While a slot moves between two nodes, touching a key that is not here is an error. So a script reads all
-- that it needs before it writes anything.
local home = string.sub(KEYS[1], 1, -3)

-- Makes sure that these keys are nowhere, since they are not here. While the slot moves to this node, they
-- may still be on the other one: to read one alone finds nothing then, and to read it beside others is an
-- error.
local function make_sure_of_none(...)
  redis.call('EXISTS', KEYS[1], ...)
end

local function record_key(id)
  return home .. ':t:' .. id
end

-- Where it is noted that whoever made this claim on a digest came too late.
local function void_key(claim)
  return home .. ':v:' .. claim
end

-- Whether one time is before another. Times are whole milliseconds in decimal. They are compared as texts:
-- a number here holds no more than 53 bits of them.
local function is_before(a, b)
  local a_is_negative, b_is_negative = string.sub(a, 1, 1) == '-', string.sub(b, 1, 1) == '-'
  if a_is_negative ~= b_is_negative then
    return a_is_negative
  end
  if a == b then
    return false
  end
  local is_smaller
  if #a ~= #b then
    is_smaller = #a < #b
  else
    is_smaller = a < b
  end
  return is_smaller ~= a_is_negative
end

-- When a record ends if it is not used again, as a number, or nil for never. Sums need numbers; they are
-- exact for the next 285,000 years.
local function end_of(expires, idle, used, created)
  local absolute = expires and tonumber(expires)
  if not idle then
    return absolute or nil
  end
  local slides_to = tonumber(used or created) + math.floor(tonumber(idle))
  slides_to = math.min(slides_to, 9223372036854775807)
  if absolute and absolute < slides_to then
    return absolute
  end
  return slides_to
end
