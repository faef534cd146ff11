-- End a call of a multi-step tool for which its turn no longer waits, unless its first step was delivered.
-- KEYS[1]: the session, KEYS[2]: the call. args: ttl, channel, message (for the worker that runs it). Returns 1, or 0 when the first step was
-- delivered, or the call is gone.
local args = cjson.decode(ARGV[1])
local session, call = KEYS[1], KEYS[2]
if tonumber(redis.call('HGET', call, 'steps') or 1) > 0 then return 0 end
redis.call('HDEL', call, 'name')
redis.call('EXPIRE', call, args.ttl)
redis.call('ZREM', tools_key(session), tool_member(session, call))
redis.call('PUBLISH', args.channel, args.message)
return 1
