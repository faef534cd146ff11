-- Add a charge to the sums of its API key's day and month, once. KEYS: the names of counted charges, the day, the month.
-- args: name (of the charge), now and since (when names are dropped), both in ms, names_ttl, sums_ttl, sums (field, how
-- much to add ...). Returns 1, or 0 for a charge that was counted before.
local args = cjson.decode(ARGV[1])
local counted = KEYS[1]
write_in_full_memory(counted)
if redis.call('ZADD', counted, 'NX', args.now, args.name) == 0 then return 0 end
redis.call('ZREMRANGEBYSCORE', counted, '-inf', string.format('(%.0f', args.since))
redis.call('EXPIRE', counted, args.names_ttl)
for _, key in ipairs({KEYS[2], KEYS[3]}) do
  for i = 1, #args.sums, 2 do redis.call('HINCRBY', key, args.sums[i], args.sums[i + 1]) end
  redis.call('EXPIRE', key, args.sums_ttl)
end
return 1
