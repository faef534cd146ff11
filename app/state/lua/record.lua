-- Write down a call of a multi-step tool, unless its turn is gone with its session. KEYS: the session, the call. ARGV: the
-- turn, the life of the call, seconds for which it is kept in mind, then its fields. Returns 1, or 0 when nothing was
-- written.
local S, call = KEYS[1], KEYS[2]
if redis.call('EXISTS', run_key(S, ARGV[1])) == 0 then return 0 end
redis.call('HSET', call, unpack(slice(4, #ARGV - 3)))
redis.call('EXPIRE', call, ARGV[2])
keep(S, call, ARGV[3])
return 1
