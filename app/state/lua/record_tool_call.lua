-- Record a call of a multi-step tool, unless its turn is gone with its session. KEYS[1]: the session, KEYS[2]: the call.
-- args: run, fields (name, value ...), ttl, kept (seconds in the session's index). Returns 1, or 0 when nothing was
-- written.
local args = cjson.decode(ARGV[1])
local session, call = KEYS[1], KEYS[2]
if redis.call('EXISTS', run_key(session, args.run)) == 0 then return 0 end
redis.call('HSET', call, unpack(args.fields))
redis.call('EXPIRE', call, args.ttl)
index_key(session, call, args.kept)
return 1
