-- The first step of a multi-step tool, for the turn that waits for it. KEYS[1]: the session, KEYS[2]: the call.
-- args: run, claim, result (JSON), channel, message (for that turn's worker). Returns 1, or 0 when the turn no longer
-- runs, or another job has the call. A call that is sent again, because its reply was lost, returns what it returned.
local args = cjson.decode(ARGV[1])
local session, call = KEYS[1], KEYS[2]
if not (is_claimed_by(call, args.claim) and may_go_on(session, call, args.run)) then return 0 end
redis.call('HSET', call, 'first', args.result, 'steps', 1)
redis.call('PUBLISH', args.channel, args.message)
return 1
