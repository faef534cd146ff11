-- Claim the summing up of a thread's history, once for each run and by one job of the thread at a time. KEYS[1]: the
-- session. args: run, claim (a name of this very call), hold (for so many milliseconds no other run's job is admitted,
-- unless `set_summary` ends it), count. Returns what `claim` does, or nothing if the run or its thread is gone or another
-- claim came first.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local run = run_key(session, args.run)
local id = redis.call('HGET', run, 'thread')
if not id or not redis.call('ZSCORE', threads_key(session), id) then return {} end

local thread, now = thread_key(session, id), now_ms()
local held = redis.call('HMGET', thread, 'compaction', 'compaction_until')
if held[1] and held[1] ~= args.claim and tonumber(held[2]) > now then return {} end
redis.call('HSETNX', run, 'compaction_claim', args.claim)
if redis.call('HGET', run, 'compaction_claim') ~= args.claim then return {} end
redis.call('HSET', thread, 'compaction', args.claim, 'compaction_until', string.format('%.0f', now + args.hold))
return claimed_run(session, run, args.count)
