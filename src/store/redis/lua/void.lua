-- Asks whether the record is there to which a digest's pointer leads. If it is not, it is noted that
-- whoever laid the pointer came too late, should they be on the way still: their record is refused.
--
-- ARGV: the id; the digest; the claim; for how many milliseconds that is noted.
if redis.call('HGET', record_key(ARGV[1]), 'digest') == ARGV[2] then
  return 'exists'
end
redis.call('SET', void_key(ARGV[3]), '', 'PX', ARGV[4])
return 'void'
