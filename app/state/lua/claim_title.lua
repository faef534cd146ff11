-- Claim the one model call for a title that a run makes. KEYS[1]: the session. args: run, claim (a name of this very
-- call). Returns the run's fields, or nothing if it or its thread is gone or another claim came first.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local run = run_key(session, args.run)
local thread = redis.call('HGET', run, 'thread')
if not thread or not redis.call('ZSCORE', threads_key(session), thread) then return {} end
redis.call('HSETNX', run, 'title_claim', args.claim)
if redis.call('HGET', run, 'title_claim') ~= args.claim then return {} end
return redis.call('HGETALL', run)
