-- Take the end of a run: from here on nothing but the caller's own `settle` changes it, exactly one caller wins.
-- KEYS[1]: the session. ARGV: run, outcome, now, the statuses it may have, spaced, the control channel, a name of
-- this very seal, the message that stops the turn's worker. Returns the run's fields, or nothing when there was none to end. A seal that is made again (its
-- answer was lost) returns what it returned.
local S, id = KEYS[1], ARGV[1]
local run = run_key(S, id)
local known = redis.call('HMGET', run, 'status', 'seal')
local status = known[1]
if known[2] == ARGV[6] then return redis.call('HGETALL', run) end
if not status or not string.find(' ' .. ARGV[4] .. ' ', ' ' .. status .. ' ', 1, true) then return {} end
redis.call('HSET', run, 'status', 'ending', 'outcome', ARGV[2], 'ended_at', ARGV[3], 'seal', ARGV[6])
if status == 'waiting' then redis.call('LREM', waiting_key(S), 0, id) end
if ARGV[2] ~= 'complete' then redis.call('PUBLISH', ARGV[5], ARGV[7]) end
return redis.call('HGETALL', run)
