-- Give a running run back to the queue, if its worker has done nothing for it: no event, no model call, and no answered calls,
-- which would run first. KEYS[1]: the session. args: run, claim, most (times that a run is given back). Returns 'queued', also if it
-- was given back before; 'over' if it has ended or another worker has it; 'begun' if it was not given back.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
local status, claim, batch, goes_on, times = unpack(redis.call('HMGET', run, 'status', 'claim', 'batch', 'goes_on', 'put_back'))
if status == 'queued' then return status end
if status ~= 'running' or claim ~= args.claim then return 'over' end
if batch or goes_on or tonumber(times or 0) >= args.most then return 'begun' end
if has_unsettled_model_calls(run) or has_field(run, charge_field('')) then return 'begun' end
redis.call('HINCRBY', run, 'put_back', 1)
unclaim_run(run)
return 'queued'
