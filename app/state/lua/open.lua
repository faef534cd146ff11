-- Open a thread. KEYS[1]: the session. ARGV: thread, its score, ttl, then its fields. Returns 1, or 0 when there is no such
-- session.
local S, thread = KEYS[1], thread_key(KEYS[1], ARGV[1])
if redis.call('EXISTS', S) == 0 then return 0 end
redis.call('HSET', thread, unpack(slice(4, #ARGV - 3)))
redis.call('EXPIRE', thread, ARGV[3])
redis.call('ZADD', threads_key(S), ARGV[2], ARGV[1])
redis.call('EXPIRE', threads_key(S), ARGV[3])
return 1
