-- Functions that scripts may use, between those of keys.lua and branches.lua. Every script but append.lua, put_file_chunk.lua and
-- set_due.lua takes one argument: a JSON object, decoded as `args`. Lists of frames are {kind, frame, kind, frame, ...}.

-- The time since 1970 in microseconds, by the clock of Redis: the clocks of processes may differ.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- The same in milliseconds.
local function now_ms() return math.floor(now_us() / 1000) end

-- A time, in milliseconds since 1970, as hashes have it: ISO-8601 in UTC. (Redis gives scripts no `os.date`.) Days are counted
-- from the first of March of the year 0, so that a leap day is the last of its year: 400 years have 146,097.
local function iso_time(ms)
  local day = math.floor(ms / 86400000) + 719468
  local era = math.floor(day / 146097)
  local of_era = day % 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * of_year + 2) / 153) -- 0 is March
  local of_month = of_year - math.floor((153 * month + 2) / 5) + 1
  local is_next_year = month > 9
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year + era * 400 + (is_next_year and 1 or 0),
    is_next_year and month - 9 or month + 3, of_month, math.floor(ms / 3600000) % 24, math.floor(ms / 60000) % 60,
    math.floor(ms / 1000) % 60, ms % 1000)
end

-- A score for a new member of a sorted set that is ordered by time, in microseconds: behind all others, also when they
-- were added by a clock that was ahead.
local function next_score(key)
  local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
  return string.format('%.0f', math.max(now_us(), last and tonumber(last) + 1 or 0))
end

-- Whether a turn with this status is over. (ENDED in run_status.py is the same.)
local function has_ended(status)
  return status == 'complete' or status == 'interrupted' or status == 'error'
end

-- Kinds of events that no client gets. (HIDDEN in sse.py is the same.)
local hidden = {reasoning = true}

-- Let the script write although Redis's memory is full (`maxmemory`): Redis refuses a command that may need memory only
-- as the first write of a script, and UNLINK needs none. For scripts that end or delete something. (The flag `allow-oom`
-- does the same since Redis 7; 6.2 and fakeredis do not know it.)
local function write_in_full_memory(key) redis.call('UNLINK', kept_name(key, 'none')) end

-- Append frames to the log of run `id` and publish them as one message:
-- "<first> <last> <kind of the last> <at>\n<frames>". Number, entry and publication are one step, so that no reader
-- sees one without the others. A frame of a hidden kind is a message of its own, so that readers leave it out by its
-- head, without parsing it. Each entry but a piece of text stores the time `at`: pieces are many, and nobody needs
-- the time of each one.
local function log_frames(session, id, frames, ttl, at)
  local count = #frames / 2
  if count == 0 then return end
  local log = log_key(session, id)
  local last = redis.call('HINCRBY', run_key(session, id), 'events', count)
  local first = last - count + 1
  local bytes, from = {}, first
  for i = 1, count do
    local kind, frame, number = frames[2 * i - 1], frames[2 * i], first + i - 1
    local entry = string.format('%d-0', number)
    if kind == 'text' then
      redis.call('XADD', log, entry, 'kind', kind, 'frame', frame)
    else
      redis.call('XADD', log, entry, 'kind', kind, 'frame', frame, 'at', at)
    end
    bytes[#bytes + 1] = frame
    if i == count or hidden[kind] or hidden[frames[2 * i + 1]] then
      redis.call(PUBLISH, log, string.format('%d %d %s %s\n', from, number, kind, at) .. table.concat(bytes))
      bytes, from = {}, number + 1
    end
  end
  redis.call('EXPIRE', log, ttl)
end

-- Append frames to the session's update stream, keep the newest `max_updates`, publish each one.
local function publish_updates(session, frames, max_updates, ttl)
  if #frames == 0 then return end
  local stream = updates_key(session)
  local before = redis.call('HINCRBY', session, 'updates', #frames / 2) - #frames / 2
  for i = 1, #frames, 2 do
    local kind, frame, n = frames[i], frames[i + 1], before + (i + 1) / 2
    redis.call('XADD', stream, 'MAXLEN', '~', max_updates, string.format('%d-0', n), 'kind', kind, 'frame', frame)
    redis.call(PUBLISH, stream, string.format('%d %d %s\n', n, n, kind) .. frame)
  end
  redis.call('EXPIRE', stream, ttl)
end

-- Tell that a thread was opened. args: states (frames of the session's state, by its status), max_updates, ttl.
local function publish_opened(session, args)
  local run, outcome = unpack(redis.call('HMGET', session, 'run', 'last_outcome'))
  local status = (run or '') ~= '' and 'processing' or outcome == 'interrupted' and outcome or 'idle'
  publish_updates(session, {'state', args.states[status]}, args.max_updates, args.ttl)
end

-- Note that the session, and one of its threads if it still has that, have something that no person has seen: it comes
-- with the next event of the update stream, or before it.
local function mark_news(session, thread)
  local number = tonumber(redis.call('HGET', session, 'updates') or 0) + 1
  redis.call('HSET', session, 'news', number)
  if redis.call('ZSCORE', threads_key(session), thread) then
    redis.call('HSET', thread_key(session, thread), 'news', number)
  end
end

-- The current run of the session ('' if there is none), its status and its thread.
local function current_turn(session)
  local id = redis.call('HGET', session, 'run') or ''
  local turn = redis.call('HMGET', run_key(session, id), 'status', 'thread')
  return id, turn[1], turn[2]
end

-- Whether the turn in `thread` is being ended: its events must reach the history before later ones do.
local function is_ending(session, thread)
  local _, status, its_thread = current_turn(session)
  return status == 'ending' and its_thread == thread
end

-- Whether the job with this claim has the call of a multi-step tool. (The last version's calls have none.)
local function is_claimed_by(call, claim)
  return (redis.call('HGET', call, 'claim') or '') == claim
end

-- Whether a call of a multi-step tool may go on: it has not ended, its thread is there, and its turn runs or has had the
-- first step.
local function may_go_on(session, call, run)
  if redis.call('HEXISTS', call, 'name') == 0 then return false end
  local stored = redis.call('HMGET', call, 'steps', 'thread')
  if not redis.call('ZSCORE', threads_key(session), stored[2]) then return false end
  return tonumber(stored[1]) > 0 or redis.call('HGET', run_key(session, run), 'status') == 'running'
end

-- Add a member to a sorted set for `seconds` from now on. Those whose time is over leave it; it lives as long as the
-- last of the others.
local function add_for(set, member, seconds)
  local now = now_ms()
  redis.call('ZADD', set, string.format('%.0f', now + seconds * 1000), member)
  redis.call('ZREMRANGEBYSCORE', set, 0, string.format('%.0f', now))
  local last = redis.call('ZREVRANGE', set, 0, 0, 'WITHSCORES')[2]
  if last then redis.call('PEXPIREAT', set, string.format('%.0f', last)) end
end

-- Whether a set of this kind has `most` members or more; 0 is no limit.
local function is_full(set, most)
  redis.call('ZREMRANGEBYSCORE', set, 0, string.format('%.0f', now_ms()))
  return most > 0 and redis.call('ZCARD', set) >= most
end

-- Note in the session's index that `key` exists for `seconds` from now on, so that deleting the session finds it.
local function index_key(session, key, seconds)
  add_for(kept_key(session), string.sub(key, #kept_name(session, '') + 1), seconds)
end

-- Put a message to the receiver of an app into the session: `message` has name, fields (name, value ...) and ttl, or is ''.
-- Returns 1, or 0 when there is none.
local function put_webhook(session, message)
  if message == '' then return 0 end
  local key = kept_name(session, message.name)
  redis.call('HSET', key, unpack(message.fields))
  redis.call('EXPIRE', key, message.ttl)
  index_key(session, key, message.ttl)
  return 1
end

-- The member of a multi-step call in the session's index of calls that have not ended: `<run>:<call>`.
local function tool_member(session, call) return string.sub(call, #call_name(session, '') + 1) end

-- Put a system event into the mailbox of a gen-1 client; the newest `max_events` are kept.
local function push_gen1_event(session, event, max_events, ttl)
  local mailbox = mailbox_key(session)
  redis.call('RPUSH', mailbox, event)
  redis.call('LTRIM', mailbox, -max_events, -1)
  redis.call('EXPIRE', mailbox, ttl)
end

-- All that a job needs of a run and its thread: {the run's fields, `session_user_state` and `thread_summary` if there is
-- one, how many messages of its thread are left out, the newest `count` of them}.
local function claimed_run(session, run, count)
  local fields = redis.call('HGETALL', run)
  local thread = redis.call('HGET', run, 'thread')
  fields[#fields + 1], fields[#fields + 2] = 'session_user_state', redis.call('HGET', session, 'user_state') or '{}'
  local summary, asked_ids = unpack(redis.call('HMGET', thread_key(session, thread), 'summary', 'asked_ids'))
  if summary then fields[#fields + 1], fields[#fields + 2] = 'thread_summary', summary end
  if asked_ids then fields[#fields + 1], fields[#fields + 2] = 'thread_asked_ids', asked_ids end
  local messages = messages_key(session, thread)
  local newest = redis.call('LRANGE', messages, -count, -1)
  return {fields, redis.call('LLEN', messages) - #newest, newest}
end

-- Whether a worker knows the app and the model of a run: they are among the names in `args.apps` and `args.models`, '' for all.
local function is_known_to(args, app, model)
  local function is_among(names, name)
    for _, known in ipairs(names == '' and {name} or names) do
      if known == name then return true end
    end
    return false
  end
  return is_among(args.apps, app) and is_among(args.models, model)
end

-- A worker begins a queued run. args: those of claim.lua. Returns what a job needs of it.
local function begin_run(session, run, args, now)
  redis.call('HSET', run, 'status', 'running', 'worker', args.worker, 'started_at', now, 'claim', args.claim)
  return claimed_run(session, run, args.count)
end

-- A run is as before its worker claimed it.
local function unclaim_run(run)
  redis.call('HSET', run, 'status', 'queued')
  redis.call('HDEL', run, 'worker', 'started_at', 'claim')
end

-- Whether a hash has a field that begins so.
local function has_field(hash, prefix)
  for _, field in ipairs(redis.call('HKEYS', hash)) do
    if string.sub(field, 1, #prefix) == prefix then return true end
  end
  return false
end

-- Whether a turn has a model call that is not settled and counted yet.
local function has_unsettled_model_calls(run) return has_field(run, model_call_field('')) end

-- Let those of the keys that exist live for `seconds` from now on, and return whether there are any. It is for keys that
-- most sessions do not have: one command tells so.
local function renew_any(keys, seconds)
  if redis.call('EXISTS', unpack(keys)) == 0 then return false end
  for _, key in ipairs(keys) do redis.call('EXPIRE', key, seconds) end
  return true
end

-- Renew the life of a thread. It is a sixteenth longer than that of its session, so that it need not be renewed with it
-- each time: see renew_threads.lua.
local function renew_thread(session, id, ttl)
  local life = ttl + math.ceil(ttl / 16)
  redis.call('EXPIRE', thread_key(session, id), life)
  redis.call('EXPIRE', messages_key(session, id), life)
  renew_any({branches_key(session, id), aside_key(session, id), ids_key(session, id), feedback_key(session, id)}, life)
end

-- Whether the lives of all threads of the session are to be renewed: half of what they have more than it is over.
local function are_threads_due(session, ttl)
  if redis.call('ZCARD', threads_key(session)) < 2 then return false end
  return now_ms() - tonumber(redis.call('HGET', session, 'threads_renewed_at') or 0) > ttl * 1000 / 32
end

-- Renew the life of every file of the session whose upload has ended.
local function renew_files(session, ttl)
  for _, id in ipairs(redis.call('HKEYS', files_key(session))) do
    if redis.call('HEXISTS', file_key(session, id), 'bytes') == 1 then
      redis.call('EXPIRE', file_key(session, id), ttl)
      redis.call('EXPIRE', file_data_key(session, id), ttl)
    end
  end
end

-- Renew the life of every lasting key of the session, but for its threads: of them, only that of `thread`.
local function renew_ttl(session, ttl, thread)
  redis.call('EXPIRE', session, ttl)
  redis.call('EXPIRE', threads_key(session), ttl)
  redis.call('EXPIRE', updates_key(session), ttl)
  redis.call('EXPIRE', usage_key(session), ttl)
  local rare = {waiting_key(session), response_usage_key(session), files_key(session), client_key(session), owner_key(session)}
  if renew_any(rare, ttl) then renew_files(session, ttl) end
  renew_thread(session, thread, ttl)
end

-- Run commands that name keys as Redis has them: no cluster comes here with any.
local function run_commands(commands)
  for _, command in ipairs(commands) do redis.call(unpack(command)) end
end
