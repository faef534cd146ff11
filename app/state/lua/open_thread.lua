-- Open a thread. KEYS[1]: the session. args: thread, fields (name, value ...), ttl. Returns 1, or 0 when there is
-- no such session.
local args = cjson.decode(ARGV[1])
local session, thread = KEYS[1], thread_key(KEYS[1], args.thread)
if redis.call('EXISTS', session) == 0 then return 0 end
redis.call('HSET', thread, unpack(args.fields))
redis.call('EXPIRE', thread, args.ttl)
local threads = threads_key(session)
if not redis.call('ZSCORE', threads, args.thread) then redis.call('ZADD', threads, next_score(threads), args.thread) end
redis.call('EXPIRE', threads, args.ttl)
return 1
