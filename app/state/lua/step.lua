-- A later step of a multi-step tool, for the model, the open chat stream and /api/updates.
-- KEYS[1]: the session, KEYS[2]: the call. ARGV: count of the update frames, these, then named values.
-- Returns 1, 0 when this step was recorded before, -1 when the session or the thread is gone, or -2 while the turn in
-- this thread is being ended: its events must reach the history first, so the caller comes again.
local S, call = KEYS[1], KEYS[2]
local news = slice(2, tonumber(ARGV[1]))
local a = named(2 + #news)
if not redis.call('ZSCORE', threads_key(S), a.thread) then return -1 end
if tonumber(redis.call('HGET', call, 'steps') or 0) >= tonumber(a.step) then return 0 end
if is_ending(S, a.thread) then return -2 end
redis.call('HSET', call, 'steps', a.step)
redis.call('EXPIRE', call, a.call_ttl)
keep(S, call, a.call_kept)
tell_model(S, a.thread, a.frame, a.message, a.ttl, a.now)
announce(S, news, a.cap, a.ttl)
return 1
