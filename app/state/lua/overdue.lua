-- The members of a sorted set that are due, by the clock of Redis, the longest overdue first. KEYS[1]: the set.
-- args: count (at most so many). Returns {the time, in microseconds since 1970, member ...}.
local args = cjson.decode(ARGV[1])
local members = redis.call('ZRANGEBYSCORE', KEYS[1], 0, string.format('%.0f', now_ms()), 'LIMIT', 0, args.count)
return {string.format('%.0f', now_us()), unpack(members)}
