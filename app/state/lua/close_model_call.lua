-- Close a model call whose charge is in all sums. A turn that has ended is kept no longer than others once it has no
-- unsettled call. KEYS[1]: the session. args: run, number, log_ttl. Returns 1, or 0 when the call was not open.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
if redis.call('HDEL', run, model_call_field(args.number)) == 0 then return 0 end
if has_ended(redis.call('HGET', run, 'status')) and not has_unsettled_model_calls(run) then
  redis.call('EXPIRE', run, args.log_ttl)
end
return 1
