-- Record a model call. KEYS[1]: the session. args: run, claim (of its worker, '' for any), number, call (JSON). Returns the status of
-- the run, or nothing when it is gone, another worker has it, or the call is settled: nothing is written then. Sent again it
-- changes nothing.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
local status, claim = unpack(redis.call('HMGET', run, 'status', 'claim'))
if not status or (args.claim ~= '' and args.claim ~= claim) then return false end
if redis.call('HEXISTS', run, charge_field(args.number)) == 1 then return false end
redis.call('HSETNX', run, model_call_field(args.number), args.call)
return status
