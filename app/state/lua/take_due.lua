-- Take members of an index whose time has come, so that one process handles each. KEYS[1]: the index. args: count (at
-- most so many), milliseconds (after which a member that nobody removed is due again). Returns them.
local args = cjson.decode(ARGV[1])
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, args.count)
for _, member in ipairs(due) do redis.call('ZADD', KEYS[1], string.format('%.0f', now + args.milliseconds), member) end
return due
