-- Give a running run back to the queue, if its worker has done nothing for it: no event, no model call, and no answered calls,
-- which would run first. KEYS[1]: the session. args: run, claim, most (times that a run is given back). Returns 1, or 0 when
-- nothing has changed.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
local status, claim, batch, goes_on, times = unpack(redis.call('HMGET', run, 'status', 'claim', 'batch', 'goes_on', 'put_back'))
if status ~= 'running' or claim ~= args.claim or batch or goes_on then return 0 end
if tonumber(times or 0) >= args.most then return 0 end
if has_field(run, model_call_field('')) or has_field(run, charge_field('')) then return 0 end
redis.call('HINCRBY', run, 'put_back', 1)
redis.call('HSET', run, 'status', 'queued')
redis.call('HDEL', run, 'claim', 'worker', 'started_at')
return 1
