-- Claim the one model call for a title that a run makes. KEYS[1]: the session. args: run, claim (a name of this very
-- call). Returns the run's fields, or nothing if it is gone or another claim came first.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
if redis.call('EXISTS', run) == 0 then return {} end
redis.call('HSETNX', run, 'title_claim', args.claim)
if redis.call('HGET', run, 'title_claim') ~= args.claim then return {} end
return redis.call('HGETALL', run)
