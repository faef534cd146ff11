-- The first step of a multi-step tool, for the turn that waits for it. KEYS[1]: the call. ARGV: the result, the control
-- channel, what is said there. Does nothing when the call is gone with its session.
local call = KEYS[1]
if redis.call('EXISTS', call) == 1 then
  redis.call('HSET', call, 'first', ARGV[1], 'steps', 1)
  redis.call('PUBLISH', ARGV[2], ARGV[3])
end
