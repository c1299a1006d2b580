-- Records uses. ARGV: ids, each with a time. The latest stays; a record that is gone stays gone.
for i = 1, #ARGV, 2 do
  local key = record_key(ARGV[i])
  local held = redis.call('HMGET', key, 'digest', 'used')
  if not held[1] then
    make_sure_of_none(key)
  elseif not held[2] or is_before(held[2], ARGV[i + 1]) then
    redis.call('HSET', key, 'used', ARGV[i + 1])
  end
end
return 'done'
