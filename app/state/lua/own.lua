-- A session that stands under no public key gets this one. KEYS[1]: the session. ARGV: the public key. Returns 1 when the
-- session stands under it now, 0 when it stands under another one or is gone.
local S = KEYS[1]
if redis.call('EXISTS', S) == 0 then return 0 end
local known = redis.call('HGET', S, 'public_key') or ''
if known == '' then redis.call('HSET', S, 'public_key', ARGV[1]) end
return (known == '' or known == ARGV[1]) and 1 or 0
