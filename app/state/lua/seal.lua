-- Claim the end of a run: from here on only the caller's own `settle` changes it, and one caller wins.
-- KEYS[1]: the session. args: run, outcome, expect (the statuses it may have), claim (of its worker, '' for any), seal (a name
-- of this very call), now, channel, stop (the message for its worker, '' for none), asks
-- (calls that wait for an answer, JSON, '' for none). Returns the run's fields, or nothing when there was none to
-- end. A call that is sent again, because its reply was lost, returns what it returned.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local run = run_key(session, args.run)
local stored = redis.call('HMGET', run, 'status', 'seal', 'claim', 'thread')
local status = stored[1]

local function is_expected()
  if args.claim ~= '' and args.claim ~= stored[3] then return false end
  for _, expected in ipairs(args.expect) do
    if status == expected then return true end
  end
  return false
end

-- All that the turn has to show is in its log now.
local function note_end()
  mark_news(session, stored[4])
  if redis.call('ZSCORE', threads_key(session), stored[4]) then
    redis.call('HSET', thread_key(session, stored[4]), 'last_outcome', args.outcome)
  end
end

if stored[2] == args.seal then return redis.call('HGETALL', run) end
if not is_expected() then return {} end
write_in_full_memory(session)
redis.call('HSET', run, 'status', 'ending', 'outcome', args.outcome, 'ended_at', args.now, 'seal', args.seal)
if args.asks ~= '' then redis.call('HSET', run, 'asks', args.asks) end
if status == 'waiting' then redis.call('LREM', waiting_key(session), 0, args.run) end
if redis.call('HGET', session, 'run') == args.run then note_end() end
if args.stop ~= '' then redis.call('PUBLISH', args.channel, args.stop) end
return redis.call('HGETALL', run)
