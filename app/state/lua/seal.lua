-- Claim the end of a run: from here on only the caller's own `settle` changes it, and one caller wins.
-- KEYS[1]: the session. args: run ('' for the current one), outcome, expect (the statuses it may have), claim (of its worker, '' for any), seal (a name
-- of this very call), now, channel, stop (the message for its worker, with %s for the run, '' for none), asks
-- (calls that wait for an answer, JSON, '' for none), count. Returns {the run's fields, the first `count` entries of its log},
-- or nothing when there was none to end. A call that is sent again, because its reply was lost, returns what it returned:
-- `stopped` of the session has the seal and the run of one that named none, since another run may be current by then.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local names_none = args.run == ''

local function current_run()
  local seal, stopped = string.match(redis.call('HGET', session, 'stopped') or '', '(%S+) (%S+)')
  return seal == args.seal and stopped or redis.call('HGET', session, 'run') or ''
end

if names_none then args.run = current_run() end
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

local function sealed_run()
  return {redis.call('HGETALL', run), redis.call('XRANGE', log_key(session, args.run), '-', '+', 'COUNT', args.count)}
end

if stored[2] == args.seal then return sealed_run() end
if not is_expected() then return {} end
write_in_full_memory(session)
redis.call('HSET', run, 'status', 'ending', 'outcome', args.outcome, 'ended_at', args.now, 'seal', args.seal)
if names_none then redis.call('HSET', session, 'stopped', args.seal .. ' ' .. args.run) end
if args.asks ~= '' then redis.call('HSET', run, 'asks', args.asks) end
if status == 'waiting' then redis.call('LREM', waiting_key(session), 0, args.run) end
if redis.call('HGET', session, 'run') == args.run then note_end() end
if args.stop ~= '' then redis.call('PUBLISH', args.channel, string.format(args.stop, args.run)) end
return sealed_run()
