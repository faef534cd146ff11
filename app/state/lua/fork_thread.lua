-- Copy a branch of a thread, from its first message to `message`, into a new thread. KEYS[1]: the session. args: thread,
-- message (its id as JSON text), new_thread, fields (name, value ...), max_threads (that the session may have), states,
-- max_updates (see `publish_opened`), ttl. Returns 1; or when nothing was written: 0 if there is no such session, -1 if
-- it has `max_threads`, -2 if the thread has no such message, -3 if the message waits or is being made. Sent again it
-- changes nothing.
local args = cjson.decode(ARGV[1])
local session, thread, copy = KEYS[1], args.thread, args.new_thread
if redis.call('EXISTS', session) == 0 then return 0 end
if redis.call('ZSCORE', threads_key(session), copy) then return 1 end

-- The parts of chains that lead to the message, the first one first; nil if it is unknown.
local function path()
  local parts, id = {}, own_id(session, thread, args.message)
  repeat
    local chain = chain_of(session, thread, id)
    local last = find_in(session, thread, chain, id)
    if not last then return nil end
    table.insert(parts, 1, {chain = chain, last = last})
    local record = chain ~= '' and record_of(session, thread, chain)
    if chain ~= '' and not record then return nil end
    id = record and record.parent or ''
  until id == ''
  return parts
end

local steps = {} -- those that the new thread has, by id

local pending = {} -- messages to append

local function flush()
  if #pending > 0 then redis.call('RPUSH', messages_key(session, copy), unpack(pending)) end
  pending = {}
end

local function append(message)
  pending[#pending + 1] = message
  if #pending == CHUNK then flush() end
  if is_step(message) then steps[step_of(message)] = true end
  local client_id = client_id_of(message)
  if client_id then redis.call('HSET', ids_key(session, copy), owner_field(client_id), id_of(message)) end
end

-- Each message of a part, or, `behind` it, each one that follows it in its chain.
local function each_of(part, behind, visit)
  local first = behind and part.last + 1 or 0
  local last = behind and chain_length(session, thread, part.chain) - 1 or part.last
  for from = first, last, CHUNK do
    for _, message in ipairs(messages_of(session, thread, part.chain, from, math.min(last, from + CHUNK - 1))) do
      if message then visit(message) end
    end
  end
end

-- The last message may be one that was refused: the note that says so is behind what its turn has.
local function append_refusal(part)
  local is_of_turn = true
  each_of(part, true, function(message)
    is_of_turn = is_of_turn and not begins_turn(message)
    if is_of_turn and is_refusal(message) then append(message) end
  end)
end

-- Steps of the calls that were copied: they came behind the copied messages.
local function append_later_steps(parts)
  local shared = {}
  for _, part in ipairs(parts) do
    local passed = nothing_passed()
    each_of(part, true, function(message) pass(passed, message) end)
    for _, step in ipairs(steps_of_calls_before(passed)) do table.insert(shared, step) end
  end
  local cuts = redis.call('HGET', branches_key(session, thread), 'cuts') or 0
  for _, step in ipairs(in_order(shared, steps)) do append(copied(step, cuts)) end
  if cuts ~= 0 then redis.call('HSET', branches_key(session, copy), 'cuts', cuts) end -- copies have these numbers
end

local function is_unfinished()
  local id = own_id(session, thread, args.message)
  local current, _, its_thread = current_turn(session)
  return its_thread == thread and run_of(id) == current or find_waiting(session, thread, id) ~= nil
end

if not redis.call('ZSCORE', threads_key(session), thread) then return -2 end
local parts = path()
if not parts then return is_unfinished() and -3 or -2 end
if redis.call('ZCARD', threads_key(session)) >= args.max_threads then return -1 end
for _, part in ipairs(parts) do each_of(part, false, append) end
append_refusal(parts[#parts])
append_later_steps(parts)
flush()
redis.call('ZADD', threads_key(session), next_score(threads_key(session)), copy)
redis.call('HSET', thread_key(session, copy), unpack(args.fields))
renew_ttl(session, args.ttl, copy)
publish_opened(session, args)
return 1
