-- The branches of a thread: functions that precede every script, after those of prelude.lua.
--
-- The list of the thread's messages holds the active branch. All that was cut off it lies in two hashes: `aside` has the
-- messages, `branches` says how they hang together. Messages that were cut off at once are a segment. Its record is the field
-- `segment:<n>`: `parent` (the message behind which it was cut), `fork` (the nearest message before it that clients
-- see), `shown` (its own first one, '' if it has none), `count`, and `changed` (when its newest message was made).
-- The field `fork:<message>` lists what follows a message that clients see, oldest first: numbers of segments, and `*`
-- for what follows it where it is now. It exists only where that is more than one.
-- The id of a message is JSON text here, with its quotes, as in the stored message; '' is the place before the first.

local CHUNK = 500 -- messages that one command moves or reads

local function segment_field(number) return 'segment:' .. number end
local function fork_field(id) return 'fork:' .. id end
-- The field of `aside` that holds a message of a segment by its index, and that which names the segment of a message.
local function message_field(segment, index) return segment .. '/' .. index end
local function place_field(id) return 'in:' .. id end
local function owner_field(client_id) return 'id:' .. client_id end
local function sent_field(client_id) return 'sent:' .. client_id end

-- The JSON string in a text that begins at `from`, with its quotes.
local function json_string_at(text, from)
  local at = from + 1
  while true do
    local found = string.find(text, '["\\]', at)
    if not found then return '' end
    if string.sub(text, found, found) == '"' then return string.sub(text, from, found) end
    at = found + 2
  end
end

local ID, CLIENT_ID = '{"id":', ',"client_id":'

local function id_of(message) return string.match(message, '^{"id":("[^"\\]*")') or json_string_at(message, #ID + 1) end

-- The id that the client gave a message, nil if it gave none.
local function client_id_of(message)
  local at = #ID + #id_of(message) + 1
  if string.sub(message, at, at + #CLIENT_ID - 1) ~= CLIENT_ID then return nil end
  return json_string_at(message, at + #CLIENT_ID)
end

-- A message with another id of its client, nil for none.
local function with_client_id(message, client_id)
  local head, before = ID .. id_of(message), client_id_of(message)
  local from = #head + (before and #CLIENT_ID + #before or 0) + 1
  return head .. (client_id and CLIENT_ID .. client_id or '') .. string.sub(message, from)
end

-- Role and first character of the content: `"` where it is empty. An id has no quote that is not escaped.
local function head_of(message) return string.match(message, '"role":"(%a+)","content":"(.)') end

-- Whether a message begins a turn: a person's, or their client's reply to a request.
local function begins_turn(message)
  local role = head_of(message)
  return role == 'user' or role == 'system'
end

-- Whether clients see a message: no note of a failure, and not thoughts alone. (`for_clients` in transcript.py is the same.)
local function is_shown(message)
  local role, first = head_of(message)
  if role == 'error' then return false end
  if first ~= '"' then return true end
  local fields = cjson.decode(message)
  return fields.tool_calls ~= nil or fields.tool_results ~= nil
end

local function made_at(message) return string.match(message, '"created_at":"([^"]*)"') or '' end

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

-- Some messages of a chain, from index `first` (of the first one: 0) to `last`.
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

-- Take the messages of the active branch from index `first` on to a new segment behind `fork`. Returns its number and its
-- `shown`; nothing where there are none.
local function cut(session, thread, first, fork)
  local list, aside = messages_key(session, thread), aside_key(session, thread)
  local count = redis.call('LLEN', list) - first
  if count <= 0 then return nil, '' end
  local parent = first > 0 and id_of(redis.call('LINDEX', list, first - 1)) or ''
  local segment = tostring(redis.call('HINCRBY', branches_key(session, thread), 'cuts', 1))
  local shown, newest = '', nil
  for from = 0, count - 1, CHUNK do
    local fields, n = {}, 0
    for i, message in ipairs(redis.call('LRANGE', list, first + from, first + from + CHUNK - 1)) do
      local id = id_of(message)
      local run = run_of(id)
      fields[n + 1], fields[n + 2] = message_field(segment, from + i - 1), message
      fields[n + 3], fields[n + 4] = place_field(id), segment
      n = n + 4
      if run then fields[n + 1], fields[n + 2], n = place_field(run), segment, n + 2 end
      if shown == '' and is_shown(message) then shown = client_id_of(message) or id end
      newest = message
    end
    redis.call('HSET', aside, unpack(fields))
  end
  if first == 0 then redis.call('UNLINK', list) else redis.call('LTRIM', list, 0, first - 1) end
  local record = {parent = parent, fork = fork, shown = shown, count = count, changed = made_at(newest)}
  keep_record(session, thread, segment, record)
  return segment, shown
end

-- Leave the active branch behind index `last`: what follows is cut off. Another branch follows there: the segment `next`,
-- or, without it, what is appended now.
local function leave_behind(session, thread, last, next)
  local fork = nearest_before(session, thread, '', last, is_shown)
  local segment, shown = cut(session, thread, last + 1, fork)
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
end

-- Put the messages of a segment, whose parent is the last message of the active branch now, back on it.
local function append_segment(session, thread, segment, count)
  local aside = aside_key(session, thread)
  for from = 0, count - 1, CHUNK do
    local last = math.min(count, from + CHUNK) - 1
    local messages, gone = messages_of(session, thread, segment, from, last), {}
    for i, message in ipairs(messages) do
      local id = id_of(message)
      local run = run_of(id)
      gone[#gone + 1], gone[#gone + 2] = message_field(segment, from + i - 1), place_field(id)
      if run then gone[#gone + 1] = place_field(run) end
    end
    redis.call('RPUSH', messages_key(session, thread), unpack(messages))
    redis.call('HDEL', aside, unpack(gone))
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
  for _, step in ipairs(path) do
    local parent = step.record.parent
    local last = parent == '' and -1 or find_in(session, thread, '', parent)
    if not last then return false end
    leave_behind(session, thread, last, step.segment)
    append_segment(session, thread, step.segment, step.record.count)
  end
  return true
end

-- Make the branch active that a message, or a run's reply, is on. Returns whether it could.
local function activate_branch_of(session, thread, id)
  local chain = chain_of(session, thread, id)
  return chain == '' or activate(session, thread, chain)
end
