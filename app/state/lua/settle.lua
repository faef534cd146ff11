-- Finish a sealed run: its last frames, its messages in the history, and the next waiting run. KEYS[1]: the session.
-- args: run, thread, outcome, terminal (the event, JSON), frames (of the log), messages (JSON texts), updates (frames), busy_frame, free_frame,
-- now, ttl, log_ttl, run_kept, max_updates, results (JSON texts, of calls of an earlier turn with which the run goes on), open_calls
-- (JSON, '' if no call waits for an answer), answer_ttl, pending (frames of what waits), webhook (a message to the app's
-- receiver, '' for none), lease (the commands that drop the run's lease and free its slots; none on a cluster).
-- Returns {the run that is current and queued now, or '', 1 if the lives of the session's threads are to be renewed, 1 if
-- this call has put the message}. A run that is not sealed any more stays as it is: the call was sent again, because its
-- reply was lost.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local run = run_key(session, args.run)

local function next_waiting()
  local id = redis.call('LPOP', waiting_key(session))
  while id and redis.call('EXISTS', run_key(session, id)) == 0 do id = redis.call('LPOP', waiting_key(session)) end
  return id
end

if redis.call('HGET', run, 'status') ~= 'ending' then
  run_commands(args.lease)
  local current, status = current_turn(session)
  return {status == 'queued' and current or '', 0, 0}
end

-- A regeneration without an answer leaves the branch before it active.
local function undo_branch()
  local branch, former = unpack(redis.call('HMGET', run, 'branch', 'former'))
  if branch ~= 'regenerate' or not former then return end
  for _, message in ipairs(args.messages) do
    if may_branch(message) then return end
  end
  local segment = chain_of(session, args.thread, former)
  local record = segment ~= '' and record_of(session, args.thread, segment)
  if record and record.shown ~= '' then activate(session, args.thread, segment) end
end

local updates = args.updates
local is_open = false
local function add_updates(frames)
  for _, part in ipairs(frames) do updates[#updates + 1] = part end
end

-- The run's calls wait for their answers.
local function open_calls()
  is_open = true
  for _, call in ipairs(cjson.decode(args.open_calls).calls) do
    redis.call('HDEL', run, answer_field(call.call_id)) -- of a call of this id with which the run went on
  end
  redis.call('HSET', thread_key(session, args.thread), 'awaiting', args.run)
  note_asked_ids(session, args.thread, args.open_calls)
  redis.call('HSET', run, 'open_calls', args.open_calls,
    'open_until', string.format('%.0f', now_ms() + args.answer_ttl * 1000), 'kept_after', args.log_ttl)
  add_updates(args.pending)
end

-- The calls of an earlier turn, with which this one went on, have their results.
local function close_earlier()
  local goes_on = redis.call('HGET', run, 'goes_on')
  if goes_on then add_results(session, args.thread, '"' .. cjson.decode(goes_on).message .. '"', args.results, '') end
end

write_in_full_memory(session)
if redis.call('ZSCORE', threads_key(session), args.thread) then
  close_earlier()
  for _, message in ipairs(args.messages) do redis.call('RPUSH', messages_key(session, args.thread), message) end
  undo_branch()
  if #args.messages > 0 then redis.call('HSET', thread_key(session, args.thread), 'updated_at', args.now) end
  if args.open_calls ~= '' then open_calls() end
end
redis.call('HSET', run, 'status', args.outcome, 'terminal', args.terminal)
local has_webhook = put_webhook(session, args.webhook)
log_frames(session, args.run, args.frames, args.log_ttl, args.now)
local unsettled = has_unsettled_model_calls(run)
local answerable = is_open and args.answer_ttl + args.log_ttl or 0
redis.call('EXPIRE', run, math.max(unsettled and args.ttl or args.log_ttl, answerable))
index_key(session, run, math.max(unsettled and args.ttl or args.run_kept, answerable))
run_commands(args.lease)
if redis.call('HGET', session, 'run') ~= args.run then return {'', 0, has_webhook} end

redis.call('HSET', session, 'last_outcome', args.outcome, 'updated_at', args.now)
redis.call('HDEL', session, 'run')
local next_run = next_waiting()
if next_run then add_updates(make_current(session, next_run, args.now)) end
updates[#updates + 1], updates[#updates + 2] = 'state', next_run and args.busy_frame or args.free_frame
renew_ttl(session, args.ttl, args.thread)
publish_updates(session, updates, args.max_updates, args.ttl)
return {next_run or '', are_threads_due(session, args.ttl) and 1 or 0, has_webhook}
