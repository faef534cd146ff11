-- Finish a sealed run: last frames, history, and the next waiting run. KEYS[1]: the session. ARGV: counts of the
-- log frames, of the messages and of the update frames, these three lists, then named values.
-- Returns {"settled" [, the run that is current now]}. A run that is not sealed any more stays as it is: the call was
-- made again, as its answer was lost.
local S = KEYS[1]
local counts = {tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])}
local frames = slice(4, counts[1])
local messages = slice(4 + counts[1], counts[2])
local news = slice(4 + counts[1] + counts[2], counts[3])
local a = named(4 + counts[1] + counts[2] + counts[3])
local run = run_key(S, a.run)
if redis.call('HGET', run, 'status') ~= 'ending' then
  local current = redis.call('HGET', S, 'run') or ''
  if redis.call('HGET', run_key(S, current), 'status') ~= 'queued' then return {'settled'} end
  return {'settled', current}
end

local list = messages_key(S, a.thread)
if #messages > 0 and redis.call('ZSCORE', threads_key(S), a.thread) then
  for _, message in ipairs(messages) do redis.call('RPUSH', list, message) end
  redis.call('HSET', thread_key(S, a.thread), 'updated_at', a.now)
end
redis.call('HSET', run, 'status', a.outcome)
log_frames(S, a.run, frames, a.log_ttl, a.now)
redis.call('EXPIRE', run, a.log_ttl)
keep(S, run, a.run_kept)
if redis.call('HGET', S, 'run') ~= a.run then return {'settled'} end

redis.call('HSET', S, 'last_outcome', a.outcome, 'updated_at', a.now)
redis.call('HDEL', S, 'run')
local next_run = redis.call('LPOP', waiting_key(S))
while next_run and redis.call('EXISTS', run_key(S, next_run)) == 0 do
  next_run = redis.call('LPOP', waiting_key(S))
end
if next_run then activate(S, next_run, a.now) end
news[#news + 1] = 'state'
news[#news + 1] = next_run and a.busy_frame or a.free_frame
touch(S, a.ttl)
announce(S, news, a.cap, a.ttl)
return {'settled', next_run}
