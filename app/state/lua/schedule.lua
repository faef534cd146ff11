-- Schedule a member of an index by the time of Redis. KEYS[1]: the index. args: member, milliseconds (from now).
local args = cjson.decode(ARGV[1])
redis.call('ZADD', KEYS[1], string.format('%.0f', now_ms() + args.milliseconds), args.member)
