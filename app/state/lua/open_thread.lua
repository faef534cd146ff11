-- Open a thread. KEYS[1]: the session. args: thread, fields (name, value ...), max_threads (that the session may have),
-- states, max_updates (see `publish_opened`), ttl. Returns 1, or when nothing was written: 0 if there is no such
-- session, -1 if it has `max_threads`. Sent again it changes nothing.
local args = cjson.decode(ARGV[1])
local session, thread = KEYS[1], thread_key(KEYS[1], args.thread)
if redis.call('EXISTS', session) == 0 then return 0 end
local threads = threads_key(session)
local is_new = not redis.call('ZSCORE', threads, args.thread)
if is_new then
  if redis.call('ZCARD', threads) >= args.max_threads then return -1 end
  redis.call('ZADD', threads, next_score(threads), args.thread)
end
redis.call('HSET', thread, unpack(args.fields))
renew_thread(session, args.thread, args.ttl)
redis.call('EXPIRE', threads, args.ttl)
if is_new then publish_opened(session, args) end
return 1
