-- Record a model call. KEYS[1]: the session. args: run, number, call (JSON). Returns 1, or 0 when the turn is gone or the
-- call is settled: nothing is written then. Sent again it changes nothing.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
if redis.call('EXISTS', run) == 0 or redis.call('HEXISTS', run, charge_field(args.number)) == 1 then return 0 end
redis.call('HSETNX', run, model_call_field(args.number), args.call)
return 1
