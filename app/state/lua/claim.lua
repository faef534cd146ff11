-- A worker begins a queued run. KEYS[1]: the session. args: run, worker, claim (a name of this very call), now, apps and
-- models (names of those that the worker knows; '' for all), count, job (the commands that take the run's job off the queue;
-- none where the queue is elsewhere, or still has it).
-- Returns {the run's fields, `session_user_state`, and `thread_summary` and `thread_asked_ids` if there are such, how many
-- messages of its thread are left out, the newest `count` of them}; {'unknown'} if the worker does not know its app or its model; nothing if it has ended or another claim has
-- begun it.
local args = cjson.decode(ARGV[1])
local run = run_key(KEYS[1], args.run)
local stored = redis.call('HMGET', run, 'status', 'claim', 'app', 'model')

if stored[1] == 'queued' then
  if not is_known_to(args, stored[3], stored[4]) then return {'unknown'} end
  run_commands(args.job)
  return begin_run(KEYS[1], run, args, args.now)
end
run_commands(args.job)
if stored[1] ~= 'running' or stored[2] ~= args.claim then return {} end
return claimed_run(KEYS[1], run, args.count)
