-- The end of life of a client request that nobody has answered: it is removed, and model and client are told.
-- KEYS[1]: the session. ARGV: count of the update frames, these, then named values. Returns 1, or 0 when it is not
-- open (any more), or -1 while the turn in its thread is being ended: the caller comes again.
local S = KEYS[1]
local news = slice(2, tonumber(ARGV[1]))
local a = named(2 + #news)
if is_ending(S, a.thread) then return -1 end
if redis.call('HDEL', S, request_field(a.number)) == 0 then return 0 end
if redis.call('ZSCORE', threads_key(S), a.thread) then
  tell_model(S, a.thread, a.frame, a.message, a.ttl, a.now)
end
post(S, a.event, a.most_events, a.event_ttl)
announce(S, news, a.cap, a.ttl)
return 1
