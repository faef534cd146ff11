-- The first step of a multi-step call: whoever waits for it is told. KEYS[1]: the call. ARGV: the result, the control
-- channel, what is said there.
redis.call('HSET', KEYS[1], 'first', ARGV[1], 'steps', 1)
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
