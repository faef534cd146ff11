-- Settle a model call of a turn: the first charge of it counts, and joins the session's usage. KEYS[1]: the session.
-- ARGV: run, number of the call, the charge, life of the session, then name, number ... of what is added up.
-- Returns the charge that counts; nothing when the turn is gone.
local S, run = KEYS[1], run_key(KEYS[1], ARGV[1])
if redis.call('EXISTS', run) == 0 then return false end
if redis.call('HSETNX', run, charge_field(ARGV[2]), ARGV[3]) == 0 then
  return redis.call('HGET', run, charge_field(ARGV[2]))
end
for i = 5, #ARGV, 2 do redis.call('HINCRBY', usage_key(S), ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', usage_key(S), ARGV[4])
return ARGV[3]
