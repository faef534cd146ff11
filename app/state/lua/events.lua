-- Appending frames: the id, the log entry and the publication are one step, so that no reader can see one
-- without the others, whoever else writes.

-- Kinds that no client gets (`sse.HIDDEN`).
local hidden = {reasoning = true}

-- Append `frames` ({kind, frame, kind, frame, ...}) to the log of run `id` and publish them as one message:
-- "<first> <last> <kind of the last> <at>\n<frames>". A frame of a hidden kind is a message of its own, so that readers leave
-- it out by its head. Each but a piece of text is stored with the time `at`: pieces are many, and nobody asks when each
-- one came. Returns nothing.
local function log_frames(S, id, frames, ttl, at)
  local count = #frames / 2
  if count == 0 then return end
  local log = log_key(S, id)
  local last = redis.call('HINCRBY', run_key(S, id), 'events', count)
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
      redis.call('PUBLISH', log, string.format('%d %d %s %s\n', from, number, kind, at) .. table.concat(bytes))
      bytes, from = {}, number + 1
    end
  end
  redis.call('EXPIRE', log, ttl)
end

-- Append `frames` (as above) to the update stream of session `S`, keep the newest `cap`, publish each.
local function announce(S, frames, cap, ttl)
  local stream = updates_key(S)
  for i = 1, #frames, 2 do
    local n = redis.call('HINCRBY', S, 'updates', 1)
    redis.call('XADD', stream, 'MAXLEN', '~', cap, string.format('%d-0', n), 'kind', frames[i], 'frame', frames[i + 1])
    redis.call('PUBLISH', stream, string.format('%d %d %s\n', n, n, frames[i]) .. frames[i + 1])
  end
  redis.call('EXPIRE', stream, ttl)
end

-- Whether the turn in `thread` is being ended: its events must reach the history before what comes later does.
local function is_ending(S, thread)
  local current = redis.call('HGET', S, 'run') or ''
  local at = redis.call('HMGET', run_key(S, current), 'status', 'thread')
  return at[1] == 'ending' and at[2] == thread
end

-- A later result of a tool call of `thread`. It joins the log of the turn that is running there, if there is one
-- (whose end puts it into the history), else the history itself.
local function tell_model(S, thread, frame, message, ttl, now)
  local current = redis.call('HGET', S, 'run') or ''
  local at = redis.call('HMGET', run_key(S, current), 'status', 'thread')
  if at[1] == 'running' and at[2] == thread then
    log_frames(S, current, {'async_tool_result', frame}, ttl, now)
  else
    redis.call('RPUSH', messages_key(S, thread), message)
  end
end

-- Note that `key` of the session is there for `seconds` from now on, for whoever removes the session.
local function keep(S, key, seconds)
  local kept, time = kept_key(S), redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZADD', kept, string.format('%.0f', now + seconds * 1000), string.sub(key, #kept_name(S, '') + 1))
  redis.call('ZREMRANGEBYSCORE', kept, 0, string.format('%.0f', now))
  local last = redis.call('ZREVRANGE', kept, 0, 0, 'WITHSCORES')[2]
  if last then redis.call('PEXPIREAT', kept, string.format('%.0f', last)) end
end

-- Leave a system event for a gen-1 client; the newest `most` are kept.
local function post(S, event, most, ttl)
  local mailbox = mailbox_key(S)
  redis.call('RPUSH', mailbox, event)
  redis.call('LTRIM', mailbox, -most, -1)
  redis.call('EXPIRE', mailbox, ttl)
end

-- Whether a model call of a turn is not settled, or not counted yet.
local function has_open_calls(run)
  for _, field in ipairs(redis.call('HKEYS', run)) do
    if string.sub(field, 1, #model_call_field('')) == model_call_field('') then return true end
  end
  return false
end

-- Values [from, from + count) of ARGV.
local function slice(from, count)
  local values = {}
  for i = 0, count - 1 do values[i + 1] = ARGV[from + i] end
  return values
end

-- ARGV from `from` on as name, value, name, value, ...
local function named(from)
  local values = {}
  for i = from, #ARGV, 2 do values[ARGV[i]] = ARGV[i + 1] end
  return values
end

-- Give every lasting key of the session its life again.
local function touch(S, ttl)
  redis.call('EXPIRE', S, ttl)
  redis.call('EXPIRE', threads_key(S), ttl)
  redis.call('EXPIRE', waiting_key(S), ttl)
  redis.call('EXPIRE', updates_key(S), ttl)
  redis.call('EXPIRE', usage_key(S), ttl)
  for _, id in ipairs(redis.call('ZRANGE', threads_key(S), 0, -1)) do
    redis.call('EXPIRE', thread_key(S, id), ttl)
    redis.call('EXPIRE', messages_key(S, id), ttl)
  end
end

-- Make run `id` the session's current one: its message joins the thread, a worker may take it.
local function activate(S, id, now)
  local run = run_key(S, id)
  local thread = redis.call('HGET', run, 'thread')
  redis.call('RPUSH', messages_key(S, thread), redis.call('HGET', run, 'message'))
  redis.call('HSET', thread_key(S, thread), 'updated_at', now)
  redis.call('HSET', run, 'status', 'queued', 'current_at', now)
  redis.call('HSET', S, 'run', id, 'last_run', id, 'updated_at', now)
end
