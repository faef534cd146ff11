-- Add a charge to its key's day and month, once. KEYS: what was counted of late, the day, the month. ARGV: the name of
-- the charge, now and since when names are kept, in ms, their life and that of the sums in s, then name, number ...
-- Returns 1, or 0 for a charge that was counted before.
if redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1]) == 0 then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
for _, sums in ipairs({KEYS[2], KEYS[3]}) do
  for i = 6, #ARGV, 2 do redis.call('HINCRBY', sums, ARGV[i], ARGV[i + 1]) end
  redis.call('EXPIRE', sums, ARGV[5])
end
return 1
