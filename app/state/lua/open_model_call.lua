-- Record a model call before it is sent. KEYS[1]: the session. args: run, number, call (JSON). A turn that is gone stays
-- gone. Sent again it changes nothing, nor does it open a call that is settled.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
if redis.call('EXISTS', run) == 0 or redis.call('HEXISTS', run, charge_field(args.number)) == 1 then return 0 end
return redis.call('HSETNX', run, model_call_field(args.number), args.call)
