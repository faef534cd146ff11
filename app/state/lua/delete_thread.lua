-- Delete a thread with its messages, and requests of it. KEYS[1]: the session. args: thread, requests (numbers). Returns
-- 1, or 0 when there is no such thread. No command here needs memory: it works when Redis's memory is full.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
for _, number in ipairs(args.requests) do redis.call('HDEL', session, request_field(number)) end
local awaiting = redis.call('HGET', thread_key(session, args.thread), 'awaiting')
if awaiting then end_awaiting(session, args.thread, awaiting) end
redis.call('UNLINK', thread_key(session, args.thread), messages_key(session, args.thread),
  branches_key(session, args.thread), aside_key(session, args.thread), ids_key(session, args.thread),
  feedback_key(session, args.thread))
return redis.call('ZREM', threads_key(session), args.thread)
