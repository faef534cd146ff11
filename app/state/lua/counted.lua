-- A charge is in all sums: its call is closed. A turn that has ended is kept no longer than others, once it has no open
-- call any more. KEYS[1]: the session. ARGV: run, number of the call, the life of a turn that has ended.
local run = run_key(KEYS[1], ARGV[1])
if redis.call('HDEL', run, model_call_field(ARGV[2])) == 0 then return 0 end
local status = redis.call('HGET', run, 'status')
local ended = status == 'complete' or status == 'interrupted' or status == 'error'
if ended and not has_open_calls(run) then redis.call('EXPIRE', run, ARGV[3]) end
return 1
