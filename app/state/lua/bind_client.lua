-- Record whose session it is. KEYS[1]: the session. args: client, ttl. Returns 1, or 0 when there is no such session.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
if redis.call('EXISTS', session) == 0 then return 0 end
bind_client(session, args.client, args.ttl)
return 1
