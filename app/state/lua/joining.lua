-- How the message of a turn joins its thread, and what comes of its tools later: functions that scripts may use,
-- after those of branches.lua.

-- Give a message another id of its client (nil for none), wherever it is.
local function set_client_id(session, thread, id, client_id)
  local chain = chain_of(session, thread, id)
  local index, message = find_in(session, thread, chain, id)
  if not index then return end
  local changed = with_client_id(message, client_id)
  if chain == '' then
    redis.call('LSET', messages_key(session, thread), index, changed)
    return
  end
  redis.call('HSET', aside_key(session, thread), message_field(chain, index), changed)
  local record = record_of(session, thread, chain)
  if record and record.shown == (client_id_of(message) or id) then
    record.shown = client_id or id
    keep_record(session, thread, chain, record)
  end
end

-- From now on `client_id` names the message `id`, which has it already. Returns the message that it named before, which
-- gets the id `spare` if its own one names another message.
local function take_client_id(session, thread, client_id, id, replaced, spare)
  local ids = ids_key(session, thread)
  local before = redis.call('HGET', ids, owner_field(client_id)) or (client_id == replaced and replaced) or ''
  if before ~= '' then
    local is_own_taken = before == client_id or redis.call('HEXISTS', ids, owner_field(before)) == 1
    set_client_id(session, thread, before, is_own_taken and spare or nil)
    if is_own_taken then redis.call('HSET', ids, owner_field(spare), before) end
  end
  redis.call('HSET', ids, owner_field(client_id), id)
  return before
end

-- An id of ours for the message that an edit replaces. Each edit makes one at most.
local function spare_id(run_id) return '"msg_' .. string.sub(run_id, #'run_' + 1) .. '"' end

-- The message of a run joins the active branch of its thread; that of an edit takes the place of another one, and a
-- regeneration has none. A run that goes on with answered calls has none either. The run keeps what it takes to undo that: `former` is the last message of the branch before. It has
-- none if the message is gone that it edits or answers.
local function join_thread(session, thread, run)
  local stored = redis.call('HMGET', run, 'message', 'branch', 'target', 'client_id', 'asked_by', 'id', 'goes_on')
  local message, branch, target, client_id = stored[1], stored[2], stored[3], stored[4]
  local list = messages_key(session, thread)
  if stored[7] then
    activate_branch_of(session, thread, '"' .. cjson.decode(stored[7]).message .. '"')
    return
  end
  if stored[5] then activate_branch_of(session, thread, stored[5]) end
  if branch then
    local former = redis.call('LINDEX', list, last_own(session, thread))
    local index = activate_branch_of(session, thread, target) and find_in(session, thread, '', target)
    if not index then return end
    local shared = {}
    local first = leave_behind(session, thread, branch == 'edit' and index - 1 or index, shared)
    share_steps(session, thread, shared, first)
    redis.call('HSET', run, 'former', former and id_of(former) or '')
  end
  if branch == 'regenerate' then return end
  redis.call('RPUSH', list, message)
  if client_id then
    local before = take_client_id(session, thread, client_id, id_of(message), target, spare_id(stored[6]))
    redis.call('HSET', run, 'had_client_id', before)
  end
end

-- Make run `id` the session's current one: its message joins the thread, unless that was deleted before. A worker may
-- claim it. Calls of the thread that wait for an answer are declined. Returns the updates of those.
local function make_current(session, id, now)
  local run = run_key(session, id)
  local thread = redis.call('HGET', run, 'thread')
  local updates = {}
  if redis.call('ZSCORE', threads_key(session), thread) then
    updates = close_open_calls(session, thread)
    join_thread(session, thread, run)
    redis.call('HSET', thread_key(session, thread), 'updated_at', now)
  end
  redis.call('HSET', run, 'status', 'queued', 'current_at', now)
  redis.call('HSET', session, 'run', id, 'last_run', id, 'updated_at', now)
  return updates
end

-- The queue of turns, where this server has it; '' elsewhere, where the caller enqueues: `list` (of the jobs that wait for a
-- worker), `most` of them with which a message is refused (0: no limit), `job` (the commands of RQ that enqueue the run's
-- job). They name keys as Redis has them: no cluster comes here.
local function is_queue_full(queue)
  return queue ~= '' and queue.most > 0 and redis.call('LLEN', queue.list) >= queue.most
end

local function enqueue_job(queue)
  if queue ~= '' then run_commands(queue.job) end
end

-- 'heard' if somebody hears the events of a new run: the process that accepts its message, which alone knows its name.
local function is_heard(session, run)
  local heard = redis.pcall('PUBSUB', 'NUMSUB', log_key(session, run))
  return (heard[2] or 0) > 0 and 'heard' or ''
end

-- Record a run that waits for the turn `current`, nil for none, with its lease. `args` are those of start.lua.
local function record_run(session, thread, args, message, current)
  local run, lease = run_key(session, args.run), args.lease
  if lease ~= '' then redis.call('ZADD', lease.key, string.format('%.0f', now_ms() + lease.ms), lease.member) end
  redis.call('HSET', run, 'id', args.run, 'thread', thread, 'status', 'waiting', 'app', args.app, 'model', args.model,
    'message', message, 'queued_at', args.now, 'events', 0, 'behind', current or '', 'origin', args.origin,
    'on_busy', args.on_busy)
  if args.address ~= '' then redis.call('HSET', run, 'address', args.address) end
  if args.key ~= '' then redis.call('HSET', run, 'key', args.key, 'budget', args.budget) end
  if args.user ~= '' then redis.call('HSET', run, 'user', args.user, 'user_budget', args.user_budget) end
  if args.slots ~= '' then redis.call('HSET', run, 'slots', args.slots) end
  redis.call('EXPIRE', run, args.ttl)
  index_key(session, run, args.ttl * 2) -- its log may live as long again
end

-- Note the client of a run: the one that is given, or that of the session.
local function record_client(session, run, client)
  if client == '' then client = redis.call('GET', client_key(session)) or '' end
  if client ~= '' then redis.call('HSET', run, 'client', client) end
end

-- From now on the session belongs to this client.
local function bind_client(session, client, ttl) redis.call('SET', client_key(session), client, 'EX', ttl) end

local function record_idempotency_key(session, sent, args, run)
  redis.call('HSET', sent, 'run', run, 'body', args.body)
  redis.call('EXPIRE', sent, args.sent_ttl)
  index_key(session, sent, args.sent_ttl)
end

-- Undo what `join_thread` did to the branches of a thread, after the run's message has left it.
local function give_branch_back(session, thread, run)
  local former = redis.call('HGET', run, 'former')
  if former and former ~= '' then activate_branch_of(session, thread, former) end
end

-- Undo what `join_thread` did to the client's id of a message: the message that had it before has it again.
local function give_client_id_back(session, thread, run)
  local client_id, before = unpack(redis.call('HMGET', run, 'client_id', 'had_client_id'))
  if not before then return end
  if before == '' then
    redis.call('HDEL', ids_key(session, thread), owner_field(client_id))
  else
    redis.call('HSET', ids_key(session, thread), owner_field(client_id), before)
    set_client_id(session, thread, before, client_id)
  end
end

-- Put a message behind the end of a segment, unless Redis has lost that.
local function append_aside(session, thread, segment, message)
  local record = record_of(session, thread, segment)
  if not record then return end
  local field = message_field(segment, record.count)
  redis.call('HSET', aside_key(session, thread), field, message, place_field(id_of(message)), segment)
  record.count = record.count + 1
  record.changed = made_at(message)
  keep_record(session, thread, segment, record)
end

-- Add a later result of a call that run `asked_by` made to `thread`: where the call is. On the active branch that is the
-- log of the turn that runs there, whose end puts it into the history, else the history itself.
local function append_tool_step(session, thread, asked_by, frame, message, ttl, now)
  local segment = chain_of(session, thread, asked_by)
  local id, status, its_thread = current_turn(session)
  if segment ~= '' then
    append_aside(session, thread, segment, message)
  elseif status == 'running' and its_thread == thread then
    log_frames(session, id, {'async_tool_result', frame}, ttl, now)
  else
    redis.call('RPUSH', messages_key(session, thread), message)
  end
end

-- The message that a new turn edits or answers again, '' for the last one: its id and text, '' for an answer that is being
-- made and cannot be edited. An answer that is made again stands for the message that it answers.
local function find_target(session, thread, branch, target)
  if not thread then return end
  if target == '' then return nearest_before(session, thread, '', nil, begins_turn) end
  local id = own_id(session, thread, target)
  local current, _, its_thread = current_turn(session)
  if its_thread == thread and run_of(id) == current then
    if branch == 'edit' then return id, '' end
    id = id_of(redis.call('HGET', run_key(session, current), 'message'))
  end
  local chain = chain_of(session, thread, id)
  local index, message = find_in(session, thread, chain, id)
  if not index or branch == 'edit' or begins_turn(message) then return id, message end
  return nearest_before(session, thread, chain, index, begins_turn)
end

-- The message of this id, ours or its client's, that waits for its turn in a thread; nil if none does.
local function find_waiting(session, thread, id)
  for _, run in ipairs(redis.call('LRANGE', waiting_key(session), 0, -1)) do
    local its_thread, message, branch = unpack(redis.call('HMGET', run_key(session, run), 'thread', 'message', 'branch'))
    local is_own = its_thread == thread and branch ~= 'regenerate'
    if is_own and (id_of(message) == id or client_id_of(message) == id) then return message end
  end
end

-- The fork that an edit of a message, or a new answer to it, adds an entry to.
local function fork_beside(session, thread, branch, id)
  if branch == 'regenerate' then return id end
  local chain = chain_of(session, thread, id)
  local index = find_in(session, thread, chain, id)
  return index and nearest_fork(session, thread, chain, index - 1) or nil
end

-- How many messages follow a fork, those included that wait to do so.
local function count_followers(session, thread, fork)
  local count = #entries_of(session, thread, fork)
  for _, run in ipairs(redis.call('LRANGE', waiting_key(session), 0, -1)) do
    local its_thread, its_fork = unpack(redis.call('HMGET', run_key(session, run), 'thread', 'fork'))
    if its_thread == thread and its_fork == fork then count = count + 1 end
  end
  return count
end
