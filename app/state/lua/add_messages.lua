-- Add messages to the newest thread of a session in which no turn runs or waits. KEYS[1]: the session. args: messages
-- (JSON texts, the oldest first), now, ttl, thread, thread_fields (name, value ...: of one that is created if there is
-- none). Returns 1; 0, and nothing was written, while a turn runs or waits, for a person, too; -1 without a session. Sent
-- again it changes nothing.
local args = cjson.decode(ARGV[1])
local session, threads = KEYS[1], threads_key(KEYS[1])
if redis.call('EXISTS', session) == 0 then return -1 end
local thread = redis.call('ZREVRANGE', threads, 0, 0)[1]
if thread and redis.call('LINDEX', messages_key(session, thread), -1) == args.messages[#args.messages] then return 1 end
if current_turn(session) ~= '' or redis.call('LLEN', waiting_key(session)) > 0 then return 0 end
if thread and redis.call('HEXISTS', thread_key(session, thread), 'awaiting') == 1 then return 0 end
if not thread then
  thread = args.thread
  redis.call('ZADD', threads, next_score(threads), thread)
  redis.call('HSET', thread_key(session, thread), unpack(args.thread_fields))
end
for _, message in ipairs(args.messages) do redis.call('RPUSH', messages_key(session, thread), message) end
redis.call('HSET', thread_key(session, thread), 'updated_at', args.now)
redis.call('HSET', session, 'updated_at', args.now)
renew_ttl(session, args.ttl, thread)
return 1
