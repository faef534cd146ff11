-- Create a session unless it exists. KEYS[1]: the session. args: fields (name, value ...), name (of this very call),
-- ttl. Returns 1 if it was created. A call that is sent again, because its reply was lost, returns what it returned.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
if redis.call('EXISTS', session) == 1 then return redis.call('HGET', session, 'made_by') == args.name and 1 or 0 end
redis.call('HSET', session, 'made_by', args.name, unpack(args.fields))
redis.call('EXPIRE', session, args.ttl)
redis.call('EXPIRE', owner_key(session), args.ttl)
return 1
