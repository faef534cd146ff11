-- Claim the end of a run that no worker has begun, as `seal` does, and take its message out of the history: no model
-- gets it. The branch that it opened is given up. KEYS[1]: the session. args: run, seal (a name of this very call), now, state_frame, max_updates, ttl.
-- Returns the run's fields, or nothing when it has begun or ended. A call that is sent again, because its reply was
-- lost, returns what it returned.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local run = run_key(session, args.run)
local stored = redis.call('HMGET', run, 'status', 'seal', 'thread', 'message', 'branch')
local status = stored[1]

if stored[2] == args.seal then return redis.call('HGETALL', run) end
if status ~= 'waiting' and status ~= 'queued' then return {} end
write_in_full_memory(session)
redis.call('HSET', run, 'status', 'ending', 'outcome', 'interrupted', 'ended_at', args.now, 'seal', args.seal,
  'withdrawn', 1)
if status == 'waiting' then
  redis.call('LREM', waiting_key(session), 0, args.run)
else
  if stored[5] ~= 'regenerate' then redis.call('LREM', messages_key(session, stored[3]), -1, stored[4]) end
  if redis.call('ZSCORE', threads_key(session), stored[3]) then
    give_branch_back(session, stored[3], run)
    give_client_id_back(session, stored[3], run)
  end
end
publish_updates(session, {'state', args.state_frame}, args.max_updates, args.ttl)
return redis.call('HGETALL', run)
