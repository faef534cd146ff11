-- Take the next turn, and begin it in the same step. A worker sends this behind the command that waits for a job and moves it
-- to the list `taken`; a job that a lost connection has left there comes first. KEYS: the list `taken`, RQ's intermediate
-- list, the leases, and the names of any session and of any job, with * for the id. args: as `claim`, and lease (in ms).
-- Returns {job, what `claim` returns}; {job} for a job that is now on the intermediate list, where the worker goes on as if
-- it had taken it there; nothing if there is no job, or its turn is not queued any more.
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

local function begin()
  local id, session_id = turn_of_job()
  if not id then return end
  local session = named(any_session, session_id)
  local run = run_key(session, id)
  local status, app, model = unpack(redis.call('HMGET', run, 'status', 'app', 'model'))
  if status ~= 'queued' or not is_known_to(args, app, model) then return end
  redis.call('ZADD', leases, string.format('%.0f', now_ms() + args.lease), session_id .. ' ' .. id)
  local begun = begin_run(session, run, args, iso_time(now_ms()))
  redis.call('DEL', named(any_job, job))
  return begun
end

-- A turn that cannot be read, or written, is not this script's: the job says why.
local is_well, begun = pcall(begin)
if not (is_well and begun) then
  redis.call('RPUSH', intermediate, job)
  begun = nil
end
redis.call('LPOP', taken)
return {job, begun}
