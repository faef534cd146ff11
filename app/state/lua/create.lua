-- Make a session unless it is there. KEYS[1]: the session. ARGV: ttl, a name of this very call, then the fields. Returns
-- 1 if it was made. A call that is made again (its answer was lost) returns what it returned.
local S = KEYS[1]
if redis.call('EXISTS', S) == 1 then return redis.call('HGET', S, 'made_by') == ARGV[2] and 1 or 0 end
redis.call('HSET', S, 'made_by', ARGV[2], unpack(slice(3, #ARGV - 2)))
redis.call('EXPIRE', S, ARGV[1])
return 1
