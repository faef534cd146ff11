-- Accept a message: create the session and a thread where there is none, record the run, and make it current or let
-- it wait. KEYS[1]: the session, KEYS[2]: the record of the message's Idempotency-Key, if it has one.
-- args: run, message, app, model, thread ('' for the newest), new_thread, session (fields of a new one: name, value
-- ...), title, user_state ('' leaves it), client, address, key, budget, user, user_budget, origin, slots, answers (numbers of client
-- requests), on_busy, branch ('edit', 'regenerate' or ''), target (the
-- message that it replaces or answers, '' for the last one), client_id (that the client gave its message, '' for none),
-- max_siblings, max_searched (threads that may have a message with that id), response_format and client_tools (JSON, '' for none), max_waiting, body (its digest), now, ttl, sent_ttl, max_updates,
-- title_frame, state_frame, closed_frame, queue (see enqueue_job), lease ({key, member, ms} as Redis has the key; '' on a cluster, whose caller gives it before), expects ({app, model} that must be chosen in the session,
-- '' for any), binds (whether the session belongs to the client from now on).
-- A message that interrupts supersedes those that wait to do the same, and a turn of its thread that waits to go on with
-- answered calls, whose answer would come behind it: the caller ends them.
-- Returns {"started" | "waiting", thread, current run that it waits for, 'heard' if its events are, runs it supersedes ...},
-- {"again", run} for a message that was accepted before, or a refusal: {"changed" | "queue_full" | "busy" | "full" | "no_thread" | "reused" | "not_open" | "no_message" | "still_waits" |
-- "not_a_persons" | "siblings_full" | "id_taken"}. Ids of messages are JSON text, as in branches.lua. A call that is sent again,
-- because its reply was lost, returns what it returned, as long as the turn is kept.
local args = cjson.decode(ARGV[1])
local session, sent = KEYS[1], KEYS[2]
local run = run_key(session, args.run)
local is_reply = #args.answers > 0
local thread = args.thread ~= '' and args.thread or redis.call('ZREVRANGE', threads_key(session), 0, 0)[1]

-- The threads that may have the message already: another one may have been the newest when it was sent first.
local function threads_to_search()
  return args.thread ~= '' and {args.thread} or redis.call('ZREVRANGE', threads_key(session), 0, args.max_searched - 1)
end

local function earlier_reply()
  local stored = redis.call('HMGET', run, 'status', 'thread', 'behind', 'supersedes')
  if stored[1] then
    return {stored[3] == '' and 'started' or 'waiting', stored[2], stored[3], '', unpack(cjson.decode(stored[4] or '[]'))}
  end
  local earlier = sent and redis.call('HMGET', sent, 'run', 'body') or {}
  if earlier[1] then return earlier[2] == args.body and {'again', earlier[1]} or {'reused'} end
  for _, its_thread in ipairs(args.client_id ~= '' and threads_to_search() or {}) do
    local same = redis.call('HGET', ids_key(session, its_thread), sent_field(args.client_id))
    local id, body = string.match(same or '', '(%S+) (%S+)')
    if id and body == args.body then return {'again', id} end
  end
end

local fork -- that a branch adds an entry to

local function branch_refusal(target, message)
  if not message then return {find_waiting(session, thread, args.target) and 'still_waits' or 'no_message'} end
  if args.branch == 'edit' and head_of(message) ~= 'user' then return {'not_a_persons'} end
  fork = fork_beside(session, thread, args.branch, target)
  if not fork then return {'no_message'} end -- Redis has lost a part
  if count_followers(session, thread, fork) >= args.max_siblings then return {'siblings_full'} end
end

-- Whether the client's id names another message than the one that is replaced, or one that waits. The id of a message
-- that was withdrawn names none.
local function is_id_taken(target)
  if not thread or args.client_id == '' then return false end
  local owner, sent_before = unpack(redis.call('HMGET', ids_key(session, thread), owner_field(args.client_id),
    sent_field(args.client_id)))
  if args.branch == 'edit' and (owner or args.client_id) == target then return false end
  local run_before = string.match(sent_before or '', '%S+')
  return owner or (run_before and redis.call('HGET', run_key(session, run_before), 'status') == 'waiting')
end

local function has_changed()
  local app, model = unpack(redis.call('HMGET', session, 'chosen_app', 'model'))
  return (app or '') ~= args.expects.app or (model or '') ~= args.expects.model
end

local function refusal(current)
  if args.expects ~= '' and has_changed() then return {'changed'} end
  if is_queue_full(args.queue) then return {'queue_full'} end
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
  redis.call('HSET', run, 'branch', args.branch, 'target', target, 'fork', fork)
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

local function record_message(current)
  record_run(session, thread, args, args.message, current)
  if not is_reply then
    record_client(session, run, args.client)
  elseif args.client ~= '' then
    redis.call('HSET', run, 'client', args.client)
  end
  if args.response_format ~= '' then redis.call('HSET', run, 'response_format', args.response_format) end
  if args.client_tools ~= '' then redis.call('HSET', run, 'client_tools', args.client_tools) end
  if is_reply then redis.call('HSET', run, 'asked_by', asked_by()) end
end

-- Closes the requests that the message answers. Returns whether there are any.
local function close_requests()
  for _, number in ipairs(args.answers) do redis.call('HDEL', session, request_field(number)) end
  return is_reply
end

-- Whether a waiting run ends when a message comes that interrupts.
local function is_superseded(waiting)
  local on_busy, goes_on, its_thread = unpack(redis.call('HMGET', waiting, 'on_busy', 'goes_on', 'thread'))
  return on_busy == 'interrupt' or (goes_on and its_thread == thread)
end

-- Marks the waiting runs that this message supersedes. Returns them.
local function supersede()
  local superseded = {}
  for _, id in ipairs(args.on_busy == 'interrupt' and redis.call('LRANGE', waiting_key(session), 0, -1) or {}) do
    local earlier = run_key(session, id)
    if is_superseded(earlier) then
      redis.call('HSET', earlier, 'superseded_by', args.run)
      superseded[#superseded + 1] = id
    end
  end
  if #superseded > 0 then redis.call('HSET', run, 'supersedes', cjson.encode(superseded)) end
  return superseded
end

local updates = {}
local function add_update(kind, frame) updates[#updates + 1], updates[#updates + 2] = kind, frame end

local function enqueue(current)
  if not current then
    local closed = make_current(session, args.run, args.now)
    for i = 1, #closed, 2 do add_update(closed[i], closed[i + 1]) end
    enqueue_job(args.queue)
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

-- Redis refuses a script in full memory only at its first write, if that needs memory, so this one comes first. (A reply
-- would begin by closing requests, which needs none.)
redis.call('HSET', run, 'id', args.run)
if redis.call('EXISTS', session) == 0 then redis.call('HSET', session, unpack(args.session)) end
if args.title ~= '' and set_title(session) then add_update('title_changed', args.title_frame) end
thread = thread or create_thread()
if args.title ~= '' then set_title(thread_key(session, thread)) end
record_message(current)
if args.branch ~= '' then record_branch(target, message) end
if args.client_id ~= '' then record_client_id() end
if close_requests() then
  add_update('client_request_closed', args.closed_frame)
else
  redis.call('HSET', session, 'app', args.app)
end
if args.user_state ~= '' then redis.call('HSET', session, 'user_state', args.user_state) end
if sent then record_idempotency_key(session, sent, args, args.run) end
if args.binds then bind_client(session, args.client, args.ttl) end
local superseded = supersede()
local outcome = enqueue(current)
renew_ttl(session, args.ttl, thread)
add_update('state', args.state_frame)
publish_updates(session, updates, args.max_updates, args.ttl)
return {outcome, thread, current, is_heard(session, args.run), unpack(superseded)}
