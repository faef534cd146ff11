-- All that /api/state shows of a session, as of one moment. KEYS[1]: the session. args: thread ('' for the newest), count.
-- Returns {fields, thread or '', how many messages are left out, the newest `count` messages, fields of the current run
-- if it is in this thread, the first `count` frames of its log, {run, message, branch ...} of what waits in this thread,
-- the thread's branches, the fields of the run whose calls are open in it, 1 if any of its replies has feedback}; nothing
-- for an unknown session; {fields} for an unknown thread. The caller reads the rest, which does not change any more: a
-- message that is withdrawn is the newest of a person's.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local fields = redis.call('HGETALL', session)
if #fields == 0 then return {} end
local thread = args.thread
if thread == '' then
  thread = redis.call('ZREVRANGE', threads_key(session), 0, 0)[1] or ''
elseif not redis.call('ZSCORE', threads_key(session), thread) then
  return {fields}
end

local run, frames, waits = {}, {}, {}
local id, _, its_thread = current_turn(session)
if its_thread == thread then
  run = redis.call('HGETALL', run_key(session, id))
  for i, entry in ipairs(redis.call('XRANGE', log_key(session, id), '-', '+', 'COUNT', args.count)) do frames[i] = entry[2][4] end
end
-- A waiting message. An edit has the client's id that another message has only when its turn comes: ids are unique.
local function waiting_message(message, target)
  local client_id = client_id_of(message)
  local is_taken = client_id and
    (client_id == target or redis.call('HEXISTS', ids_key(session, thread), owner_field(client_id)) == 1)
  return is_taken and with_client_id(message, nil) or message
end

for _, waiting in ipairs(redis.call('LRANGE', waiting_key(session), 0, -1)) do
  local turn = redis.call('HMGET', run_key(session, waiting), 'thread', 'message', 'branch', 'target', 'goes_on')
  if turn[1] == thread then
    local message = turn[3] == 'edit' and waiting_message(turn[2], turn[4]) or turn[2]
    for _, part in ipairs({waiting, message, turn[5] and 'goes_on' or turn[3] or ''}) do waits[#waits + 1] = part end
  end
end
local messages = messages_key(session, thread)
local awaiting = redis.call('HGET', thread_key(session, thread), 'awaiting')
local newest = redis.call('LRANGE', messages, -args.count, -1)
return {fields, thread, redis.call('LLEN', messages) - #newest, newest, run, frames, waits,
  redis.call('HGETALL', branches_key(session, thread)), awaiting and redis.call('HGETALL', run_key(session, awaiting)) or {},
  redis.call('EXISTS', feedback_key(session, thread))}
