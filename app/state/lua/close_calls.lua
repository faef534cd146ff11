-- Close the open calls of a run that nobody answers now: they have expired, or a person stops. KEYS[1]: the session. args: run,
-- result (JSON text), frames (an update by call), more (fields of the message behind the results, JSON text), outcome (of
-- the session, '' leaves it), state_frame (published behind them, '' for none), expired (1: only if their time is
-- over), max_updates, ttl. Returns 1; 0 when they are not open, 2 when their time is not over.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local thread, open_until = unpack(redis.call('HMGET', run_key(session, args.run), 'thread', 'open_until'))
if not thread or redis.call('HGET', thread_key(session, thread), 'awaiting') ~= args.run then return 0 end
if args.expired == 1 and now_ms() < tonumber(open_until) then return 2 end
write_in_full_memory(session)
local updates = close_open_calls(session, thread, args.result, args.frames, args.more)
if args.outcome ~= '' then
  redis.call('HSET', session, 'last_outcome', args.outcome)
  redis.call('HSET', thread_key(session, thread), 'last_outcome', args.outcome)
end
if args.state_frame ~= '' then updates[#updates + 1], updates[#updates + 2] = 'state', args.state_frame end
mark_news(session, thread)
publish_updates(session, updates, args.max_updates, args.ttl)
return 1
