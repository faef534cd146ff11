-- A later step of a multi-step tool, for the model, the open chat stream and /api/updates.
-- KEYS[1]: the session, KEYS[2]: the call. args: thread, run (that made the call), claim, step, frame and message of the step, updates (frames),
-- call_ttl, call_kept, now, ttl, max_updates, webhook (a message to the app's receiver, '' for none).
-- Returns 1, 0 when this step was recorded before, -1 when the session or the thread is gone or another job has the call,
-- or -2 while the turn in this thread is being ended: its events must reach the history first, so the caller tries again.
local args = cjson.decode(ARGV[1])
local session, call = KEYS[1], KEYS[2]
if not redis.call('ZSCORE', threads_key(session), args.thread) then return -1 end
if not is_claimed_by(call, args.claim) then return -1 end
if tonumber(redis.call('HGET', call, 'steps') or 0) >= args.step then return 0 end
if is_ending(session, args.thread) then return -2 end
redis.call('HSET', call, 'steps', args.step)
redis.call('HDEL', call, 'slept')
redis.call('EXPIRE', call, args.call_ttl)
index_key(session, call, args.call_kept)
put_webhook(session, args.webhook)
add_for(tools_key(session), tool_member(session, call), args.call_ttl)
mark_news(session, args.thread)
append_tool_step(session, args.thread, args.run, args.frame, args.message, args.ttl, args.now)
publish_updates(session, args.updates, args.max_updates, args.ttl)
return 1
