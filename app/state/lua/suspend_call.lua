-- A multi-step call sleeps without a job. KEYS[1]: the session, KEYS[2]: the call. args: run, claim, slept (sleeps since
-- the last delivered step, this one included), milliseconds, ttl, kept (seconds in the session's index).
-- Returns 1, or 0 when another job has the call or it may not go on.
local args = cjson.decode(ARGV[1])
local session, call = KEYS[1], KEYS[2]
if not (is_claimed_by(call, args.claim) and may_go_on(session, call, args.run)) then return 0 end
redis.call('HSET', call, 'wake', string.format('%.0f', now_ms() + args.milliseconds), 'slept', args.slept)
redis.call('EXPIRE', call, args.ttl)
index_key(session, call, args.kept)
add_for(tools_key(session), tool_member(session, call), args.ttl)
return 1
