-- Settle a model call of a turn: its first charge counts and joins the session's usage. KEYS[1]: the session.
-- args: run, number, charge (JSON), sums (field, how much to add ...), ttl (of the session).
-- Returns the charge that counts; nothing when the turn is gone.
local args = cjson.decode(ARGV[1])
local session, run = KEYS[1], run_key(KEYS[1], args.run)
local field = charge_field(args.number)
if redis.call('EXISTS', run) == 0 then return false end
write_in_full_memory(session)
if redis.call('HSETNX', run, field, args.charge) == 0 then return redis.call('HGET', run, field) end
for i = 1, #args.sums, 2 do redis.call('HINCRBY', usage_key(session), args.sums[i], args.sums[i + 1]) end
redis.call('EXPIRE', usage_key(session), args.ttl)
return args.charge
