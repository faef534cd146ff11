-- Accept a message: create the session and a thread where there is none, record the run, and make it current or let
-- it wait. KEYS[1]: the session, KEYS[2]: the record of the message's Idempotency-Key, if it has one.
-- args: run, message, app, model, thread ('' for the newest), new_thread, session (fields of a new one: name, value
-- ...), title, user_state ('' leaves it), client, address, key, budget, origin, slots, answers (numbers of client
-- requests), on_busy, branch ('edit', 'regenerate' or ''), target (the
-- message that it replaces or answers, '' for the last one), client_id (that the client gave its message, '' for none),
-- max_siblings, response_format (JSON, '' for none), max_waiting, body (its digest), now, ttl, sent_ttl, max_updates,
-- title_frame, state_frame, closed_frame.
-- A message that interrupts supersedes those that wait to do the same: the caller ends them.
-- Returns {"started" | "waiting", thread, current run that it waits for, runs it supersedes ...}, {"again", run} for a message that was
-- accepted before, or a refusal: {"busy" | "full" | "no_thread" | "reused" | "not_open" | "no_message" | "not_a_persons" |
-- "siblings_full" | "id_taken"}. Ids of messages are JSON text, as in branches.lua. A call that is sent again,
-- because its reply was lost, returns what it returned, as long as the turn is kept.
local args = cjson.decode(ARGV[1])
local session, sent = KEYS[1], KEYS[2]
local run = run_key(session, args.run)
local is_reply = #args.answers > 0
local thread = args.thread ~= '' and args.thread or redis.call('ZREVRANGE', threads_key(session), 0, 0)[1]

local function earlier_reply()
  local stored = redis.call('HMGET', run, 'status', 'thread', 'behind', 'supersedes')
  if stored[1] then
    return {stored[3] == '' and 'started' or 'waiting', stored[2], stored[3], unpack(cjson.decode(stored[4] or '[]'))}
  end
  local earlier = sent and redis.call('HMGET', sent, 'run', 'body') or {}
  if earlier[1] then return earlier[2] == args.body and {'again', earlier[1]} or {'reused'} end
  local same = thread and args.client_id ~= '' and redis.call('HGET', ids_key(session, thread), sent_field(args.client_id))
  local id, body = string.match(same or '', '(%S+) (%S+)')
  if id and body == args.body then return {'again', id} end
end

local function branch_refusal(target, message)
  if not message then return {'no_message'} end
  if args.branch == 'edit' and head_of(message) ~= 'user' then return {'not_a_persons'} end
  if #entries_beside(session, thread, args.branch, target) >= args.max_siblings then return {'siblings_full'} end
end

-- Whether the client's id names another message than the one that is replaced.
local function is_id_taken(target)
  if not thread or args.client_id == '' then return false end
  local owner, sent_before = unpack(redis.call('HMGET', ids_key(session, thread), owner_field(args.client_id),
    sent_field(args.client_id)))
  if args.branch == 'edit' and (owner or args.client_id) == target then return false end
  return owner or sent_before
end

local function refusal(current)
  for _, number in ipairs(args.answers) do
    if redis.call('HEXISTS', session, request_field(number)) == 0 then return {'not_open'} end
  end
  if args.thread ~= '' and not redis.call('ZSCORE', threads_key(session), args.thread) then return {'no_thread'} end
  if current and args.on_busy == 'reject' then return {'busy'} end
  local is_full = current and redis.call('LLEN', waiting_key(session)) >= args.max_waiting
  if is_full and not is_reply then return {'full'} end
end

-- Sets `title` of a session or thread that has none. Returns whether it did.
local function set_title(key)
  if (redis.call('HGET', key, 'title') or '') ~= '' then return false end
  redis.call('HSET', key, 'title', args.title, 'title_source', 'words')
  return true
end

local function create_thread()
  local id = args.new_thread
  redis.call('ZADD', threads_key(session), next_score(threads_key(session)), id)
  redis.call('HSET', thread_key(session, id), 'id', id, 'title', '', 'created_at', args.now, 'updated_at', args.now)
  return id
end

local function record_branch(target, message)
  redis.call('HSET', run, 'branch', args.branch, 'target', target)
  if args.branch == 'regenerate' then redis.call('HSET', run, 'message', message) end
end

local function record_client_id()
  redis.call('HSET', run, 'client_id', args.client_id)
  redis.call('HSET', ids_key(session, thread), sent_field(args.client_id), args.run .. ' ' .. args.body)
end

-- The run whose tool asked for what the message answers.
local function asked_by()
  return cjson.decode(redis.call('HGET', session, request_field(args.answers[1]))).run_id
end

local function record_run(current)
  local client = args.client
  if client == '' and not is_reply then client = redis.call('GET', client_key(session)) or '' end
  redis.call('HSET', run, 'id', args.run, 'thread', thread, 'status', 'waiting', 'app', args.app, 'model', args.model,
    'message', args.message, 'queued_at', args.now, 'events', 0, 'behind', current or '', 'origin', args.origin,
    'on_busy', args.on_busy)
  if client ~= '' then redis.call('HSET', run, 'client', client) end
  if args.address ~= '' then redis.call('HSET', run, 'address', args.address) end
  if args.key ~= '' then redis.call('HSET', run, 'key', args.key, 'budget', args.budget) end
  if args.response_format ~= '' then redis.call('HSET', run, 'response_format', args.response_format) end
  if is_reply then redis.call('HSET', run, 'asked_by', asked_by()) end
  if args.slots ~= '' then redis.call('HSET', run, 'slots', args.slots) end
  redis.call('EXPIRE', run, args.ttl)
  index_key(session, run, args.ttl * 2) -- its log may live as long again
end

local function record_idempotency_key()
  redis.call('HSET', sent, 'run', args.run, 'body', args.body)
  redis.call('EXPIRE', sent, args.sent_ttl)
  index_key(session, sent, args.sent_ttl)
end

-- Closes the requests that the message answers. Returns whether there are any.
local function close_requests()
  for _, number in ipairs(args.answers) do redis.call('HDEL', session, request_field(number)) end
  return is_reply
end

-- Marks the waiting messages that this one supersedes. Returns their runs.
local function supersede()
  local superseded = {}
  for _, id in ipairs(args.on_busy == 'interrupt' and redis.call('LRANGE', waiting_key(session), 0, -1) or {}) do
    local earlier = run_key(session, id)
    if redis.call('HGET', earlier, 'on_busy') == 'interrupt' then
      redis.call('HSET', earlier, 'superseded_by', args.run)
      superseded[#superseded + 1] = id
    end
  end
  if #superseded > 0 then redis.call('HSET', run, 'supersedes', cjson.encode(superseded)) end
  return superseded
end

local function enqueue(current)
  if not current then
    make_current(session, args.run, args.now)
    return 'started'
  end
  redis.call(args.on_busy == 'interrupt' and 'LPUSH' or 'RPUSH', waiting_key(session), args.run)
  return 'waiting'
end

local current = redis.call('HGET', session, 'run')
local reply = earlier_reply() or refusal(current)
if reply then return reply end
local target, message
if args.branch ~= '' then
  target, message = find_target(session, thread, args.branch, args.target)
  reply = branch_refusal(target, message)
end
if not reply and is_id_taken(target) then reply = {'id_taken'} end
if reply then return reply end

local updates = {}
local function add_update(kind, frame) updates[#updates + 1], updates[#updates + 2] = kind, frame end

-- Redis refuses a script in full memory only at its first write, if that needs memory. The turn's lease is written before
-- this script and would be refused; a reply, which begins by closing requests, would be accepted without one.
redis.call('HSET', run, 'id', args.run)
if redis.call('EXISTS', session) == 0 then redis.call('HSET', session, unpack(args.session)) end
if args.title ~= '' and set_title(session) then add_update('title_changed', args.title_frame) end
thread = thread or create_thread()
if args.title ~= '' then set_title(thread_key(session, thread)) end
record_run(current)
if args.branch ~= '' then record_branch(target, message) end
if args.client_id ~= '' then record_client_id() end
if close_requests() then
  add_update('client_request_closed', args.closed_frame)
else
  redis.call('HSET', session, 'app', args.app)
end
if args.user_state ~= '' then redis.call('HSET', session, 'user_state', args.user_state) end
if sent then record_idempotency_key() end
local superseded = supersede()
local outcome = enqueue(current)
renew_ttl(session, args.ttl, thread)
add_update('state', args.state_frame)
publish_updates(session, updates, args.max_updates, args.ttl)
return {outcome, thread, current, unpack(superseded)}
