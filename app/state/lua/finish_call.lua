-- A call of a multi-step tool has ended: no job runs it again. KEYS[1]: the session,
-- KEYS[2]: the call. args: claim, ttl. Returns 1, or 0 when another job has the call, or it is gone.
local args = cjson.decode(ARGV[1])
local session, call = KEYS[1], KEYS[2]
if redis.call('EXISTS', call) == 0 or not is_claimed_by(call, args.claim) then return 0 end
redis.call('HDEL', call, 'name')
redis.call('EXPIRE', call, args.ttl)
redis.call('ZREM', tools_key(session), tool_member(session, call))
return 1
