-- Create a session with one thread and its messages. KEYS[1]: the session. args: fields (of the session: name, value
-- ...), thread, thread_fields (name, value ...), messages (JSON texts, the oldest first), ttl. Sent again it changes
-- nothing.
local args = cjson.decode(ARGV[1])
local session, threads = KEYS[1], threads_key(KEYS[1])
if redis.call('ZSCORE', threads, args.thread) then return 0 end
redis.call('HSET', session, unpack(args.fields))
redis.call('ZADD', threads, next_score(threads), args.thread)
redis.call('HSET', thread_key(session, args.thread), unpack(args.thread_fields))
for _, message in ipairs(args.messages) do redis.call('RPUSH', messages_key(session, args.thread), message) end
renew_ttl(session, args.ttl, args.thread)
return 1
