-- How the message of a turn joins its thread, and what comes of its tools later: functions that precede every script,
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
  if record.shown == (client_id_of(message) or id) then
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
-- regeneration has none. The run keeps what it takes to undo that: `former` is the last message of the branch before. It has
-- none if the message is gone that it edits or answers.
local function join_thread(session, thread, run)
  local stored = redis.call('HMGET', run, 'message', 'branch', 'target', 'client_id', 'asked_by', 'id')
  local message, branch, target, client_id = stored[1], stored[2], stored[3], stored[4]
  local list = messages_key(session, thread)
  if stored[5] then activate_branch_of(session, thread, stored[5]) end
  if branch then
    local former = redis.call('LINDEX', list, -1)
    local index = activate_branch_of(session, thread, target) and find_in(session, thread, '', target)
    if not index then return end
    leave_behind(session, thread, branch == 'edit' and index - 1 or index)
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
-- claim it.
local function make_current(session, id, now)
  local run = run_key(session, id)
  local thread = redis.call('HGET', run, 'thread')
  if redis.call('ZSCORE', threads_key(session), thread) then
    join_thread(session, thread, run)
    redis.call('HSET', thread_key(session, thread), 'updated_at', now)
  end
  redis.call('HSET', run, 'status', 'queued', 'current_at', now)
  redis.call('HSET', session, 'run', id, 'last_run', id, 'updated_at', now)
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

-- Put a message behind the end of a segment.
local function append_aside(session, thread, segment, message)
  local record = record_of(session, thread, segment)
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

-- The entries of the fork that an edit of a message, or a new answer to it, adds one to.
local function entries_beside(session, thread, branch, id)
  if branch == 'regenerate' then return entries_of(session, thread, id) end
  local chain = chain_of(session, thread, id)
  local index = find_in(session, thread, chain, id)
  return entries_of(session, thread, (nearest_before(session, thread, chain, index - 1, is_shown)))
end
