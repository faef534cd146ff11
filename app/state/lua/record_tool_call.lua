-- Record a call of a multi-step tool while its turn runs. KEYS[1]: the session, KEYS[2]: the call.
-- args: run, fields (name, value ...), max_calls (of the session that have not ended, 0 for no limit), ttl, kept (seconds
-- in the session's index). Returns 1, or when nothing was written: 0 if the turn no longer runs, -1 if the session has
-- `max_calls` calls. A call that is sent again, because its reply was lost, changes nothing.
local args = cjson.decode(ARGV[1])
local session, call = KEYS[1], KEYS[2]
if redis.call('EXISTS', call) == 1 then return 1 end
if redis.call('HGET', run_key(session, args.run), 'status') ~= 'running' then return 0 end
if is_full(tools_key(session), args.max_calls) then return -1 end
redis.call('HSET', call, unpack(args.fields))
redis.call('EXPIRE', call, args.ttl)
index_key(session, call, args.kept)
add_for(tools_key(session), tool_member(session, call), args.ttl)
return 1
