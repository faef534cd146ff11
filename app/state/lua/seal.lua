-- Take the end of a run: from here on nothing but the caller's own `settle` changes it, exactly one caller wins.
-- KEYS[1]: the session. ARGV: run ('' for the current one), outcome, now, the statuses it may have, spaced,
-- the control channel. Returns the run's fields, or nothing when there was none to end.
local S = KEYS[1]
local id = ARGV[1]
if id == '' then id = redis.call('HGET', S, 'run') or '' end
local run = run_key(S, id)
local status = redis.call('HGET', run, 'status')
if not status or not string.find(' ' .. ARGV[4] .. ' ', ' ' .. status .. ' ', 1, true) then return {} end
redis.call('HSET', run, 'status', 'ending', 'outcome', ARGV[2], 'ended_at', ARGV[3])
if status == 'waiting' then redis.call('LREM', waiting_key(S), 0, id) end
if ARGV[2] ~= 'complete' then redis.call('PUBLISH', ARGV[5], 'stop ' .. id .. ' ' .. ARGV[2]) end
return redis.call('HGETALL', run)
