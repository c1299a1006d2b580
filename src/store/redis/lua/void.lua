-- Asks whether the record is there to which a digest's pointer leads. If it is not, it is noted that
-- whoever laid the pointer came too late, should they be on the way still: their record is refused.
--
-- ARGV: the id; the digest; the claim; for how many milliseconds that is noted.
local digest = redis.call('HGET', record_key(ARGV[1]), 'digest')
if digest == ARGV[2] then
  return 'exists'
end
if not digest then
  make_sure_of_none(record_key(ARGV[1]))
end
redis.call('SET', void_key(ARGV[3]), '', 'PX', ARGV[4])
return 'void'
