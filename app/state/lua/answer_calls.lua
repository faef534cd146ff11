-- Answer open calls of a thread. When all of its turn's calls have an answer, a run goes on with them. KEYS[1]: the session,
-- KEYS[2]: the record of the request's Idempotency-Key, if it has one. args: those of start.lua, thread, asked_by (the run whose
-- calls are open), calls ({call_id, answer (JSON), frame} ...).
-- Returns {"started" | "waiting", thread, current run that it waits for, 'heard' if its events are}, {"kept", calls that have no answer ...}, {"again", run}
-- for answers that were accepted before, or a refusal, which changes nothing: {"queue_full" | "reused" | "no_thread" | "closed" | "answered" |
-- "no_call"}. A call that is sent again, because its reply was lost, returns what it returned.
local args = cjson.decode(ARGV[1])
local session, sent = KEYS[1], KEYS[2]
local thread, run, asking = args.thread, run_key(session, args.run), run_key(session, args.asked_by)
local open_calls, open_until = unpack(redis.call('HMGET', asking, 'open_calls', 'open_until'))
local open = cjson.decode(open_calls or '{"calls":[]}')

local function stored_answer(call) return redis.call('HGET', asking, answer_field(call)) end

local function without_answer()
  local rest = {}
  for _, call in ipairs(open.calls) do
    if not stored_answer(call.call_id) then rest[#rest + 1] = call.call_id end
  end
  return rest
end

local function earlier_reply()
  local stored = redis.call('HMGET', run, 'status', 'thread', 'behind')
  if stored[1] then return {stored[3] == '' and 'started' or 'waiting', stored[2], stored[3], ''} end
  local earlier = sent and redis.call('HMGET', sent, 'run', 'body') or {}
  if not earlier[1] then return end
  if earlier[2] ~= args.body then return {'reused'} end
  if earlier[1] ~= args.asked_by then return {'again', earlier[1]} end
  local went_on = redis.call('HGET', asking, 'went_on')
  return went_on and {'again', went_on} or {'kept', unpack(without_answer())}
end

-- Whether a message waits that will decline the calls when its turn comes.
local function has_message()
  for _, id in ipairs(redis.call('LRANGE', waiting_key(session), 0, -1)) do
    if redis.call('HGET', run_key(session, id), 'thread') == thread then return true end
  end
  return false
end

local function refusal()
  if is_queue_full(args.queue) then return {'queue_full'} end
  if not redis.call('ZSCORE', threads_key(session), thread) then return {'no_thread'} end
  if redis.call('HGET', thread_key(session, thread), 'awaiting') ~= args.asked_by then return {'closed'} end
  if now_ms() >= tonumber(open_until) or has_message() then return {'closed'} end
  local names = {}
  for _, call in ipairs(open.calls) do names[call.call_id] = true end
  for _, call in ipairs(args.calls) do
    if not names[call.call_id] then return {'no_call'} end
    local earlier = stored_answer(call.call_id)
    if earlier and cjson.decode(earlier).by ~= args.run then return {'answered'} end
  end
end

-- The run goes on with what the earlier one left: its message, the form of its answer, its client's tools.
local function record_next(current)
  local index = find_in(session, thread, chain_of(session, thread, '"' .. open.message .. '"'), '"' .. open.message .. '"')
  local _, message = nearest_before(session, thread, chain_of(session, thread, '"' .. open.message .. '"'), index, begins_turn)
  record_run(session, thread, args, message or args.message, current)
  record_client(session, run, args.client)
  if args.binds then bind_client(session, args.client, args.ttl) end
  local earlier = redis.call('HGET', asking, 'earlier')
  redis.call('HSET', run, 'goes_on', open_calls, 'earlier', (earlier and earlier .. ' ' or '') .. args.asked_by)
  for _, call in ipairs(open.calls) do
    redis.call('HSET', run, answer_field(call.call_id), stored_answer(call.call_id))
  end
  for _, name in ipairs({'response_format', 'client_tools'}) do
    local value = redis.call('HGET', asking, name)
    if value then redis.call('HSET', run, name, value) end
  end
  redis.call('HSET', asking, 'went_on', args.run)
end

local reply = earlier_reply() or refusal()
if reply then return reply end
redis.call('HSET', asking, 'id', args.asked_by) -- in full memory, Redis refuses the script here, before it changes anything
local updates = {}
for _, call in ipairs(args.calls) do
  if redis.call('HSETNX', asking, answer_field(call.call_id), call.answer) == 1 then
    updates[#updates + 1], updates[#updates + 2] = 'tool_answered', call.frame
  end
end
local rest = without_answer()
local outcome, current = 'kept', redis.call('HGET', session, 'run')
if #rest == 0 then
  end_awaiting(session, thread, args.asked_by)
  record_next(current)
  if current then
    redis.call('RPUSH', waiting_key(session), args.run)
    outcome = 'waiting'
  else
    make_current(session, args.run, args.now)
    enqueue_job(args.queue)
    outcome = 'started'
  end
  updates[#updates + 1], updates[#updates + 2] = 'state', args.state_frame
end
if sent then
  record_idempotency_key(session, sent, args, #rest == 0 and args.run or args.asked_by)
  if #rest > 0 then redis.call('HSET', sent, 'kept', 1) end
end
renew_ttl(session, args.ttl, thread)
publish_updates(session, updates, args.max_updates, args.ttl)
if outcome == 'kept' then return {'kept', unpack(rest)} end
return {outcome, thread, current, is_heard(session, args.run)}
