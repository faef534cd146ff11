-- Take the next turn, and begin it in the same step. A worker sends this behind the command that waits for a job and moves it
-- to the list `taken`; a job that a lost connection has left there comes first. KEYS: the list `taken`, RQ's intermediate
-- list, the leases, and the names of any session and of any job, with * for the id. args: worker, claim, apps, models and count
-- as `claim` has them, and lease (in ms). Returns {job, what `claim` returns}; {job} for a turn that was not claimed, whose job is now on the
-- intermediate list, where the worker goes on as if it had taken it there; nothing if there is no job.
local args = cjson.decode(ARGV[1])
local taken, intermediate, leases, any_session, any_job = unpack(KEYS)
local job = redis.call('LINDEX', taken, 0)
if not job then return {} end

local function named(any, id)
  local before, behind = string.match(any, '^(.*)%*(.*)$')
  return before .. id .. behind
end

-- The run and the session that the id of a job names, as app/turns/rq_queue.py writes it; nothing for another id.
local function turn_of_job()
  local run, id = string.match(job, '^([^-]+)-(.+)$')
  local coded = string.match(id or '', '^x(.*)$')
  if not coded then return run, id end
  return run, (string.gsub(coded, '%x%x', function(byte) return string.char(tonumber(byte, 16)) end))
end

local id, session_id = turn_of_job()
local session = id and named(any_session, session_id)
local run = id and run_key(session, id)

local function begin()
  if not run then return end
  local status, app, model, goes_on = unpack(redis.call('HMGET', run, 'status', 'app', 'model', 'goes_on'))
  if status ~= 'queued' or goes_on or not is_known_to(args, app, model) then return end
  redis.call('ZADD', leases, string.format('%.0f', now_ms() + args.lease), session_id .. ' ' .. id)
  local begun = begin_run(session, run, args, iso_time(now_ms()))
  redis.call('DEL', named(any_job, job))
  return begun
end

local function unclaim_own_run()
  if redis.call('HGET', run, 'claim') == args.claim then unclaim_run(run) end
end

-- A turn that goes on with answered calls is not put back, so it is claimed by a worker that knows of it. One that is broken in
-- Redis is left as it was: the job fails with the reason.
local is_well, begun = pcall(begin)
if not is_well then
  begun = nil
  pcall(unclaim_own_run)
end
if not begun then redis.call('RPUSH', intermediate, job) end
redis.call('LPOP', taken)
return {job, begun}
