-- A worker begins a queued run. KEYS[1]: the session. ARGV: run, worker, now, a name of this very claim.
-- Returns the run's fields, or nothing if it has ended or another claim has begun it.
local run = run_key(KEYS[1], ARGV[1])
local known = redis.call('HMGET', run, 'status', 'claim')
if known[1] == 'queued' then
  redis.call('HSET', run, 'status', 'running', 'worker', ARGV[2], 'started_at', ARGV[3], 'claim', ARGV[4])
elseif known[1] ~= 'running' or known[2] ~= ARGV[4] then
  return {}
end
return redis.call('HGETALL', run)
