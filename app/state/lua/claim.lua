-- A worker begins a queued run. KEYS[1]: the session. ARGV: run, worker, now.
-- Returns the run's fields, or nothing if it has ended or somebody else has begun it.
local S, run = KEYS[1], run_key(KEYS[1], ARGV[1])
if redis.call('HGET', run, 'status') ~= 'queued' then return {} end
redis.call('HSET', run, 'status', 'running', 'worker', ARGV[2], 'started_at', ARGV[3])
return redis.call('HGETALL', run)
