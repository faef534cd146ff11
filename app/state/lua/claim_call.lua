-- A job takes over a call of a multi-step tool: the job that had it before may begin no further step.
-- KEYS[1]: the session, KEYS[2]: the call. args: run, claim (a name of this very job).
-- Returns 1, 0 when the call may not go on (see `may_go_on`), or -1 when it has ended, is gone, or sleeps.
local args = cjson.decode(ARGV[1])
local session, call = KEYS[1], KEYS[2]
if redis.call('HEXISTS', call, 'name') == 0 then return -1 end
if tonumber(redis.call('HGET', call, 'wake') or 0) > now_ms() then return -1 end
redis.call('HSET', call, 'claim', args.claim)
redis.call('HDEL', call, 'wake')
return may_go_on(session, call, args.run) and 1 or 0
