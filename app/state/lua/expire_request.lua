-- Close a client request that nobody has answered in time: the model and the client are told.
-- KEYS[1]: the session. args: number, thread, run (that asked), frame and message (of the tool's step), event (for gen-1 clients, JSON),
-- updates (frames), now, max_events, event_ttl, max_updates, ttl. Returns 1, or 0 when it is not open, or -1 while the
-- turn in its thread is being ended: the caller tries again.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
if is_ending(session, args.thread) then return -1 end
if redis.call('HDEL', session, request_field(args.number)) == 0 then return 0 end
if redis.call('ZSCORE', threads_key(session), args.thread) then
  append_tool_step(session, args.thread, args.run, args.frame, args.message, args.ttl, args.now)
end
push_gen1_event(session, args.event, args.max_events, args.event_ttl)
publish_updates(session, args.updates, args.max_updates, args.ttl)
return 1
