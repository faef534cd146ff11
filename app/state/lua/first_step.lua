-- The first step of a multi-step tool, for the turn that waits for it. KEYS[1]: the call. args: result (JSON), channel,
-- message (for that turn's worker). Does nothing when the call is gone with its session.
local args = cjson.decode(ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then return end
redis.call('HSET', KEYS[1], 'first', args.result, 'steps', 1)
redis.call('PUBLISH', args.channel, args.message)
