-- The message that a turn would edit or answer again, as `start` finds it. KEYS[1]: the session. args: thread ('' for the
-- newest), branch, target. Returns it as JSON; nothing if there is none. It changes nothing.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local thread = args.thread ~= '' and args.thread or redis.call('ZREVRANGE', threads_key(session), 0, 0)[1]
local _, message = find_target(session, thread, args.branch, args.target)
return message
