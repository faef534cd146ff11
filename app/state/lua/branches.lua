-- The branches of a thread: functions that scripts may use, after those of shared_steps.lua.
--
-- The list of the thread's messages holds the active branch. All that was cut off it lies in two hashes: `aside` has the
-- messages, `branches` says how they hang together. Messages that were cut off at once are a segment. Its record is the field
-- `segment:<n>`: `parent` (the message behind which it was cut), `fork` (the nearest message before it that may
-- have several followers), `shown` (its own first such message, '' if it has none), `count`, and `changed` (when its newest message was made).
-- The field `fork:<message>` lists what follows a message, oldest first: numbers of segments, and `*`
-- for what follows it where it is now. It exists only where that is more than one.
-- The id of a message is JSON text here, as in message_texts.lua; '' is the place before the first.

local CHUNK = 500 -- messages that one command moves or reads

local function segment_field(number) return 'segment:' .. number end
local function fork_field(id) return 'fork:' .. id end
-- The field of `aside` that holds a message of a segment by its index, and that which names the segment of a message.
local function message_field(segment, index) return segment .. '/' .. index end
local function place_field(id) return 'in:' .. id end
local function owner_field(client_id) return 'id:' .. client_id end
local function sent_field(client_id) return 'sent:' .. client_id end

-- A chain is '' (the active branch) or the number of a segment.
local function record_of(session, thread, segment)
  local record = redis.call('HGET', branches_key(session, thread), segment_field(segment))
  return record and cjson.decode(record)
end

local function keep_record(session, thread, segment, record)
  redis.call('HSET', branches_key(session, thread), segment_field(segment), cjson.encode(record))
end

local function chain_of(session, thread, id)
  return id ~= '' and redis.call('HGET', aside_key(session, thread), place_field(id)) or ''
end

local function chain_length(session, thread, chain)
  if chain == '' then return redis.call('LLEN', messages_key(session, thread)) end
  local record = record_of(session, thread, chain)
  return record and record.count or 0
end

-- Some messages of a chain, from index `first` (of the first one: 0) to `last`; false for one that Redis has lost.
local function messages_of(session, thread, chain, first, last)
  if chain == '' then return redis.call('LRANGE', messages_key(session, thread), first, last) end
  local fields = {}
  for i = first, last do fields[#fields + 1] = message_field(chain, i) end
  return #fields > 0 and redis.call('HMGET', aside_key(session, thread), unpack(fields)) or {}
end

-- Go through a chain from index `last` (nil: its end) back to its beginning, until `visit(message, index)` returns true.
-- Returns index and message of that one. Nothing is decoded: a thread may be long. Most are near the end: few are read first.
local function seek(session, thread, chain, visit, last)
  last = last or chain_length(session, thread, chain) - 1
  local count = 8
  while last >= 0 do
    local first = math.max(0, last - count + 1)
    local messages = messages_of(session, thread, chain, first, last)
    for i = last - first + 1, 1, -1 do
      if messages[i] and visit(messages[i], first + i - 1) then return first + i - 1, messages[i] end
    end
    last, count = first - 1, math.min(2 * count, CHUNK)
  end
end

-- Index and text of a message in a chain.
local function find_in(session, thread, chain, id)
  local head = ID .. id
  return seek(session, thread, chain, function(message) return string.sub(message, 1, #head) == head end)
end

-- The message at an index of a chain, or the nearest one before it, also before the chain, that `is_wanted`: its id and
-- text, '' where there is none.
local function nearest_before(session, thread, chain, index, is_wanted)
  while true do
    local _, message = seek(session, thread, chain, is_wanted, index)
    if message then return id_of(message), message end
    local record = chain ~= '' and record_of(session, thread, chain)
    if not record or record.parent == '' then return '' end
    chain = chain_of(session, thread, record.parent)
    index = find_in(session, thread, chain, record.parent)
    if not index then return '' end
  end
end

-- Whether a message may have several followers, or be one of them: one that clients see, and no step of a tool.
local function may_branch(message) return not is_step(message) and is_shown(message) end

-- The nearest message, as `nearest_before` finds it, that may have several followers. (Earlier versions had forks behind
-- steps, too.)
local function nearest_fork(session, thread, chain, index)
  return nearest_before(session, thread, chain, index, function(message)
    if may_branch(message) then return true end
    return is_step(message) and redis.call('HEXISTS', branches_key(session, thread), fork_field(id_of(message))) == 1
  end)
end

-- The message of this id, which may be one that a client gave: its own id.
local function own_id(session, thread, id)
  return redis.call('HGET', ids_key(session, thread), owner_field(id)) or id
end

-- The entries of a fork.
local function entries_of(session, thread, fork)
  local entries = {}
  local stored = redis.call('HGET', branches_key(session, thread), fork_field(fork)) or '*'
  for entry in string.gmatch(stored, '%S+') do entries[#entries + 1] = entry end
  return entries
end

-- The id of a run whose reply has this id: where one is, the others are, too.
local function run_of(id) return string.match(id, '^"(run_%w+)%-%d+"$') end

-- Index of the last message of the active branch up to index `last` (nil: its end) that is no copy, -1 where there is none.
local function last_own(session, thread, last)
  return seek(session, thread, '', function(message) return not copy_of(message) end, last) or -1
end

-- Drop the end of the active branch from index `first` on: copies alone, of which a branch that needs them gets others.
local function drop_copies(session, thread, first, shared)
  local list = messages_key(session, thread)
  for _, copy in ipairs(redis.call('LRANGE', list, first, -1)) do table.insert(shared, copy) end
  redis.call('HINCRBY', branches_key(session, thread), 'cuts', 1)
  redis.call('LTRIM', list, 0, first - 1)
end

-- Take the messages of the active branch from index `first` on to a new segment behind `fork`. Returns its number and its
-- `shown`; nothing where there are none. Steps among them that the rest of the branch needs are added to `shared`.
local function cut(session, thread, first, fork, shared)
  local list, aside = messages_key(session, thread), aside_key(session, thread)
  local count = redis.call('LLEN', list) - first
  if count <= 0 then return nil, '' end
  if last_own(session, thread) < first then return drop_copies(session, thread, first, shared), '' end
  local parent = first > 0 and id_of(redis.call('LINDEX', list, first - 1)) or ''
  local segment = tostring(redis.call('HINCRBY', branches_key(session, thread), 'cuts', 1))
  local shown, newest, passed = '', nil, nothing_passed()
  for from = 0, count - 1, CHUNK do
    local fields, n = {}, 0
    for i, message in ipairs(redis.call('LRANGE', list, first + from, first + from + CHUNK - 1)) do
      local id = id_of(message)
      local run = run_of(id)
      fields[n + 1], fields[n + 2] = message_field(segment, from + i - 1), message
      fields[n + 3], fields[n + 4] = place_field(id), segment
      n = n + 4
      if run then fields[n + 1], fields[n + 2], n = place_field(run), segment, n + 2 end
      if shown == '' and may_branch(message) then shown = client_id_of(message) or id end
      pass(passed, message)
      newest = message
    end
    redis.call('HSET', aside, unpack(fields))
  end
  if first == 0 then redis.call('UNLINK', list) else redis.call('LTRIM', list, 0, first - 1) end
  for _, step in ipairs(steps_of_calls_before(passed)) do table.insert(shared, step) end
  local record = {parent = parent, fork = fork, shown = shown, count = count, changed = made_at(newest)}
  keep_record(session, thread, segment, record)
  return segment, shown
end

-- Leave the active branch behind index `last`: what follows is cut off. Another branch follows there: the segment `next`,
-- or, without it, what is appended now. Copies of steps go with what follows them. Steps that the other branch needs are
-- added to `shared`. Returns the index from which on the branch is another one.
local function leave_behind(session, thread, last, shared, next)
  local first = last_own(session, thread, last) + 1
  local fork = nearest_fork(session, thread, '', first - 1)
  local segment, shown = cut(session, thread, first, fork, shared)
  local entries, has_next = {}, false
  for _, entry in ipairs(entries_of(session, thread, fork)) do
    if entry == '*' then
      if shown ~= '' then entries[#entries + 1] = segment end
    else
      has_next = has_next or entry == next
      entries[#entries + 1] = entry == next and '*' or entry
    end
  end
  if not has_next then entries[#entries + 1] = '*' end
  if #entries > 1 then
    redis.call('HSET', branches_key(session, thread), fork_field(fork), table.concat(entries, ' '))
  else
    redis.call('HDEL', branches_key(session, thread), fork_field(fork))
  end
  return first
end

-- Append copies of those `shared` steps that the active branch, which is another one from index `first` on, does not have.
local function share_steps(session, thread, shared, first)
  if #shared == 0 then return end
  local known = {}
  seek(session, thread, '', function(message, index)
    if index < first then return true end
    if is_step(message) then known[step_of(message)] = true end
  end)
  local number = redis.call('HGET', branches_key(session, thread), 'cuts')
  for _, step in ipairs(in_order(shared, known)) do
    redis.call('RPUSH', messages_key(session, thread), copied(step, number))
  end
end

-- Put the messages of a segment, whose parent is the last message of the active branch now, back on it.
local function append_segment(session, thread, segment, count)
  local aside = aside_key(session, thread)
  for from = 0, count - 1, CHUNK do
    local last = math.min(count, from + CHUNK) - 1
    local messages, gone = {}, {}
    for i, message in ipairs(messages_of(session, thread, segment, from, last)) do
      if message then
        local id = id_of(message)
        local run = run_of(id)
        messages[#messages + 1] = message
        gone[#gone + 1], gone[#gone + 2] = message_field(segment, from + i - 1), place_field(id)
        if run then gone[#gone + 1] = place_field(run) end
      end
    end
    if #messages > 0 then
      redis.call('RPUSH', messages_key(session, thread), unpack(messages))
      redis.call('HDEL', aside, unpack(gone))
    end
  end
  redis.call('HDEL', branches_key(session, thread), segment_field(segment))
end

-- Make the branch active that leads to the end of a segment. Returns whether it could: Redis may have lost a part.
local function activate(session, thread, segment)
  local path, chain = {}, segment
  while chain ~= '' do
    local record = record_of(session, thread, chain)
    if not record then return false end
    table.insert(path, 1, {segment = chain, record = record})
    chain = chain_of(session, thread, record.parent)
  end
  local shared, first = {}, nil
  for _, step in ipairs(path) do
    local parent = step.record.parent
    local last = parent == '' and -1 or find_in(session, thread, '', parent)
    if not last then return false end
    local from = leave_behind(session, thread, last, shared, step.segment)
    first = first or from
    append_segment(session, thread, step.segment, step.record.count)
  end
  share_steps(session, thread, shared, first)
  return true
end

-- Make the branch active that a message, or a run's reply, is on. Returns whether it could.
local function activate_branch_of(session, thread, id)
  local chain = chain_of(session, thread, id)
  return chain == '' or activate(session, thread, chain)
end
