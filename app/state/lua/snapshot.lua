-- All that /api/state shows of a session, as of one moment. KEYS[1]: the session. ARGV[1]: thread ('' for the
-- newest). Returns {fields, thread or '', messages, fields of the current run if it is in this thread, its log,
-- messages of waiting runs in this thread}; nothing for an unknown session; {fields} for an unknown thread.
local S = KEYS[1]
local fields = redis.call('HGETALL', S)
if #fields == 0 then return {} end
local thread = ARGV[1]
if thread == '' then
  thread = redis.call('ZREVRANGE', threads_key(S), 0, 0)[1] or ''
elseif not redis.call('ZSCORE', threads_key(S), thread) then
  return {fields}
end
local current, entries, said = {}, {}, {}
local id = redis.call('HGET', S, 'run')
if id and redis.call('HGET', run_key(S, id), 'thread') == thread then
  current = redis.call('HGETALL', run_key(S, id))
  for i, entry in ipairs(redis.call('XRANGE', log_key(S, id), '-', '+')) do entries[i] = entry[2][4] end
end
for _, waiting in ipairs(redis.call('LRANGE', waiting_key(S), 0, -1)) do
  local known = redis.call('HMGET', run_key(S, waiting), 'thread', 'message')
  if known[1] == thread then said[#said + 1] = known[2] end
end
return {fields, thread, redis.call('LRANGE', messages_key(S, thread), 0, -1), current, entries, said}
