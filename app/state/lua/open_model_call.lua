-- Record a model call. KEYS[1]: the session. args: run, number, call (JSON). Returns the status of the run, or nothing when it
-- is gone or the call is settled: nothing is written then. Sent again it changes nothing.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
local status = redis.call('HGET', run, 'status')
if not status or redis.call('HEXISTS', run, charge_field(args.number)) == 1 then return false end
redis.call('HSETNX', run, model_call_field(args.number), args.call)
return status
