-- A turn is about to ask a model. KEYS[1]: the session. ARGV: run, number of the call, the call. A turn that is gone
-- stays gone. Sent again it changes nothing, nor does it open a call that is settled.
local run = run_key(KEYS[1], ARGV[1])
if redis.call('EXISTS', run) == 0 or redis.call('HEXISTS', run, charge_field(ARGV[2])) == 1 then return 0 end
return redis.call('HSETNX', run, model_call_field(ARGV[2]), ARGV[3])
