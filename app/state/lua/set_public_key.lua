-- Give the session a public key, unless it has one. KEYS[1]: the session. args: public_key. Returns 1 when the session
-- has this key now, 0 when it has another one or is gone.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
if redis.call('EXISTS', session) == 0 then return 0 end
local stored = redis.call('HGET', session, 'public_key') or ''
if stored == '' then redis.call('HSET', session, 'public_key', args.public_key) end
return (stored == '' or stored == args.public_key) and 1 or 0
