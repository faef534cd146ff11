-- Renew the lives of some threads of a session, so that no script touches all of them. KEYS[1]: the session. args: first
-- (an index, the oldest thread has 0), count (at most so many), ttl (of the session). Returns how many there were; with
-- fewer than `count`, all of them are renewed now.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local ids = redis.call('ZRANGE', threads_key(session), args.first, args.first + args.count - 1)
write_in_full_memory(session)
for _, id in ipairs(ids) do renew_thread(session, id, args.ttl) end
if #ids < args.count and redis.call('EXISTS', session) == 1 then
  redis.call('HSET', session, 'threads_renewed_at', string.format('%.0f', now_ms()))
end
return #ids
