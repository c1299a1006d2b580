-- Reads records in the order of their ids. ARGV: where to begin; how many ids to look at.
-- Answers how many were looked at, the last of them, and each record's id and fields.
local ids = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])
local answer = { #ids, ids[#ids] or '' }
for _, id in ipairs(ids) do
  local fields = redis.call('HGETALL', record_key(id))
  -- Redis may have tidied it up, and the index knows nothing of that.
  if #fields > 0 then
    answer[#answer + 1] = id
    answer[#answer + 1] = fields
  else
    make_sure_of_none(record_key(id))
  end
end
return answer
