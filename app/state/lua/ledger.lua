-- Functions that settle model calls, for scripts that may use definitions of prelude.lua.

-- Add a charge to the sums of an account's day and month, once: `counted` has the names of those that were added. args:
-- name (of the charge), names_ttl, sums_ttl, sums (field, how much to add ...). Returns whether it was not counted before.
local function count_charge(counted, day, month, args)
  local now = now_ms()
  if redis.call('ZADD', counted, 'NX', string.format('%.0f', now), args.name) == 0 then return false end
  redis.call('ZREMRANGEBYSCORE', counted, '-inf', string.format('(%.0f', now - args.names_ttl * 1000))
  redis.call('EXPIRE', counted, args.names_ttl)
  for _, key in ipairs({day, month}) do
    for i = 1, #args.sums, 2 do redis.call('HINCRBY', key, args.sums[i], args.sums[i + 1]) end
    redis.call('EXPIRE', key, args.sums_ttl)
  end
  return true
end

-- Close a model call whose charge is in all sums. A turn that has ended is kept no longer than others once it has no
-- unsettled call, but one whose calls wait for an answer. args: run, number, log_ttl, index (the commands that take the call
-- out of the index of all open ones; none on a cluster). Returns whether the call was open.
local function close_model_call(session, args)
  local run = run_key(session, args.run)
  run_commands(args.index)
  if redis.call('HDEL', run, model_call_field(args.number)) == 0 then return false end
  local status, thread = unpack(redis.call('HMGET', run, 'status', 'thread'))
  local is_open = thread and redis.call('HGET', thread_key(session, thread), 'awaiting') == args.run
  if has_ended(status) and not is_open and not has_unsettled_model_calls(run) then
    redis.call('EXPIRE', run, args.log_ttl)
  end
  return true
end
