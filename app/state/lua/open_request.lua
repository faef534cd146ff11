-- Open a client request. KEYS[1]: the session. args: run, number, request (JSON), name (of this very call), event (for
-- gen-1 clients, JSON), updates (frames), max_events, event_ttl, max_updates, ttl.
-- Returns 1, 0 when its number is taken (take the next one), -1 when the turn that asks has ended, or -2 when its
-- session is gone. A call that is sent again, because its reply was lost, returns what it returned, also when the
-- request was answered in between.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local field, run = request_field(args.number), run_key(session, args.run)
local stored = redis.call('HMGET', run, 'status', field)
if stored[2] == args.name then return 1 end
if redis.call('EXISTS', session) == 0 then return -2 end
if stored[1] ~= 'running' then return -1 end
if tonumber(redis.call('HGET', session, 'requests') or 0) ~= tonumber(args.number) - 1 then return 0 end
redis.call('HSET', session, field, args.request, 'requests', args.number)
redis.call('HSET', run, field, args.name)
push_gen1_event(session, args.event, args.max_events, args.event_ttl)
publish_updates(session, args.updates, args.max_updates, args.ttl)
return 1
