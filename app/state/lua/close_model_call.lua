-- Close a model call whose charge is in all sums. A turn that has ended is kept no longer than others once it has no
-- unsettled call, but one whose calls wait for an answer. KEYS[1]: the session. args: run, number, log_ttl, index (the commands that
-- take the call out of the index of all open ones; none on a cluster). Returns 1, or 0 when the call was not open.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
run_commands(args.index)
if redis.call('HDEL', run, model_call_field(args.number)) == 0 then return 0 end
local status, thread = unpack(redis.call('HMGET', run, 'status', 'thread'))
local is_open = thread and redis.call('HGET', thread_key(KEYS[1], thread), 'awaiting') == args.run
if has_ended(status) and not is_open and not has_unsettled_model_calls(run) then
  redis.call('EXPIRE', run, args.log_ttl)
end
return 1
