-- Make a session unless it is there. KEYS[1]: the session. ARGV: ttl, then its fields. Returns 1 if it was made.
local S = KEYS[1]
if redis.call('EXISTS', S) == 1 then return 0 end
redis.call('HSET', S, unpack(slice(2, #ARGV - 1)))
redis.call('EXPIRE', S, ARGV[1])
return 1
