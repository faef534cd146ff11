-- Finish a sealed run: its last frames, its messages in the history, and the next waiting run. KEYS[1]: the session.
-- args: run, thread, outcome, terminal (the event, JSON), frames (of the log), messages (JSON texts), updates (frames), busy_frame, free_frame,
-- now, ttl, log_ttl, run_kept, max_updates.
-- Returns {the run that is current and queued now, or '', 1 if the lives of the session's threads are to be renewed}. A
-- run that is not sealed any more stays as it is: the call was sent again, because its reply was lost.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local run = run_key(session, args.run)

local function next_waiting()
  local id = redis.call('LPOP', waiting_key(session))
  while id and redis.call('EXISTS', run_key(session, id)) == 0 do id = redis.call('LPOP', waiting_key(session)) end
  return id
end

if redis.call('HGET', run, 'status') ~= 'ending' then
  local current, status = current_turn(session)
  return {status == 'queued' and current or '', 0}
end

-- A regeneration without an answer leaves the branch before it active.
local function undo_branch()
  local branch, former = unpack(redis.call('HMGET', run, 'branch', 'former'))
  if branch ~= 'regenerate' or not former then return end
  for _, message in ipairs(args.messages) do
    if is_shown(message) then return end
  end
  local segment = chain_of(session, args.thread, former)
  if segment ~= '' and record_of(session, args.thread, segment).shown ~= '' then
    activate(session, args.thread, segment)
  end
end

write_in_full_memory(session)
if redis.call('ZSCORE', threads_key(session), args.thread) then
  for _, message in ipairs(args.messages) do redis.call('RPUSH', messages_key(session, args.thread), message) end
  undo_branch()
  if #args.messages > 0 then redis.call('HSET', thread_key(session, args.thread), 'updated_at', args.now) end
end
redis.call('HSET', run, 'status', args.outcome, 'terminal', args.terminal)
log_frames(session, args.run, args.frames, args.log_ttl, args.now)
local unsettled = has_unsettled_model_calls(run)
redis.call('EXPIRE', run, unsettled and args.ttl or args.log_ttl)
index_key(session, run, unsettled and args.ttl or args.run_kept)
if redis.call('HGET', session, 'run') ~= args.run then return {'', 0} end

redis.call('HSET', session, 'last_outcome', args.outcome, 'updated_at', args.now)
redis.call('HDEL', session, 'run')
local next_run = next_waiting()
if next_run then make_current(session, next_run, args.now) end
local updates = args.updates
updates[#updates + 1], updates[#updates + 2] = 'state', next_run and args.busy_frame or args.free_frame
renew_ttl(session, args.ttl, args.thread)
publish_updates(session, updates, args.max_updates, args.ttl)
return {next_run or '', are_threads_due(session, args.ttl) and 1 or 0}
