-- Put a summary in the place of what a thread begins with, for models, and end the claim of its job. KEYS[1]: the session.
-- args: thread, claim (of `claim_compaction`), summary ('' only ends the claim), updates (frames), max_updates, ttl.
-- Returns 1, or 0 if the thread is gone or another job has it. Sent again it returns what it returned.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
if not redis.call('ZSCORE', threads_key(session), args.thread) then return 0 end
local thread = thread_key(session, args.thread)
local stored = redis.call('HMGET', thread, 'compaction', 'summary')
if stored[1] ~= args.claim then return stored[2] == args.summary and 1 or 0 end
redis.call('HDEL', thread, 'compaction', 'compaction_until')
if args.summary == '' then return 1 end
redis.call('HSET', thread, 'summary', args.summary)
publish_updates(session, args.updates, args.max_updates, args.ttl)
return 1
