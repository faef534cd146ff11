-- Open a thread. KEYS[1]: the session. args: thread, score, fields (name, value ...), ttl. Returns 1, or 0 when there is
-- no such session.
local args = cjson.decode(ARGV[1])
local session, thread = KEYS[1], thread_key(KEYS[1], args.thread)
if redis.call('EXISTS', session) == 0 then return 0 end
redis.call('HSET', thread, unpack(args.fields))
redis.call('EXPIRE', thread, args.ttl)
redis.call('ZADD', threads_key(session), args.score, args.thread)
redis.call('EXPIRE', threads_key(session), args.ttl)
return 1
