-- A person has seen all of a session, or of one of its threads, up to an event of the update stream. KEYS[1]: the session.
-- args: thread ('' for the session itself), number (of that event; one that does not exist yet counts as the last one).
-- Returns 1, or 0 when there is no such thing. The mark never goes back.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local key = args.thread == '' and session or thread_key(session, args.thread)
if redis.call('EXISTS', session) == 0 or redis.call('EXISTS', key) == 0 then return 0 end
local last = tonumber(redis.call('HGET', session, 'updates') or 0)
local before = tonumber(redis.call('HGET', key, 'seen') or 0)
local number = math.max(math.min(args.number, last), before)
if number > before then redis.call('HSET', key, 'seen', string.format('%.0f', number)) end
return 1
