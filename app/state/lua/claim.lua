-- A worker begins a queued run. KEYS[1]: the session. args: run, worker, claim (a name of this very call), now.
-- Returns the run's fields, or nothing if it has ended or another claim has begun it.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
local stored = redis.call('HMGET', run, 'status', 'claim')
if stored[1] == 'queued' then
  redis.call('HSET', run, 'status', 'running', 'worker', args.worker, 'started_at', args.now, 'claim', args.claim)
elseif stored[1] ~= 'running' or stored[2] ~= args.claim then
  return {}
end
return redis.call('HGETALL', run)
