-- Accept a message: open the session and a thread where there is none, record the run, and make it current or
-- let it wait. KEYS[1]: the session, KEYS[2]: what was sent with the message's Idempotency-Key, if it has one.
-- ARGV: the session's fields if new (count, name, value ...), then named values.
-- Returns {"started" | "waiting", thread, current run it waits for}, {"busy" | "full" | "no_thread" | "reused"},
-- {"unasked"} when a client request that it answers is not open, or {"again", run} for a message that was accepted
-- before. A call that is made again (its answer was lost) returns what it returned, for as long as the turn has not
-- ended.
local S, sent = KEYS[1], KEYS[2]
local fields = slice(2, tonumber(ARGV[1]))
local a = named(2 + #fields)
local threads = threads_key(S)
local run = run_key(S, a.run)

local known = redis.call('HMGET', run, 'status', 'thread', 'behind')
if known[1] then return {known[3] == '' and 'started' or 'waiting', known[2], known[3]} end

if sent then
  local before = redis.call('HMGET', sent, 'run', 'body')
  if before[1] then
    if before[2] == a.body then return {'again', before[1]} end
    return {'reused'}
  end
end

local answered = {}
for n in string.gmatch(a.answers, '%d+') do
  answered[#answered + 1] = request_field(n)
  if redis.call('HEXISTS', S, request_field(n)) == 0 then return {'unasked'} end
end

local thread = a.thread
if thread ~= '' then
  if not redis.call('ZSCORE', threads, thread) then return {'no_thread'} end
else
  thread = redis.call('ZREVRANGE', threads, 0, 0)[1]
end

local current = redis.call('HGET', S, 'run')
if current then
  if a.on_busy == 'reject' then return {'busy'} end
  local full = redis.call('LLEN', waiting_key(S)) >= tonumber(a.max_waiting)
  if full and #answered == 0 then return {'full'} end
end

local frames = {}
if redis.call('EXISTS', S) == 0 then redis.call('HSET', S, unpack(fields)) end
if (redis.call('HGET', S, 'title') or '') == '' then
  redis.call('HSET', S, 'title', a.title, 'title_source', 'words')
  frames = {'title_changed', a.title_frame}
end
if not thread then
  thread = a.new_thread
  redis.call('ZADD', threads, a.opened, thread)
  redis.call('HSET', thread_key(S, thread), 'id', thread, 'title', '', 'created_at', a.now, 'updated_at', a.now)
end
local opened = thread_key(S, thread)
if redis.call('HGET', opened, 'title') == '' then
  redis.call('HSET', opened, 'title', a.title, 'title_source', 'words')
end
if #answered > 0 then
  redis.call('HDEL', S, unpack(answered))
  frames = {'client_request_closed', a.closed_frame}
else
  redis.call('HSET', S, 'app', a.app)
end
if a.user_state ~= '' then redis.call('HSET', S, 'user_state', a.user_state) end

redis.call('HSET', run, 'id', a.run, 'thread', thread, 'status', 'waiting', 'app', a.app, 'model', a.model,
  'message', a.message, 'queued_at', a.now, 'events', 0, 'behind', current or '', 'origin', a.origin)
local client = a.client
if client == '' and #answered == 0 then client = redis.call('GET', client_key(S)) or '' end
if client ~= '' then redis.call('HSET', run, 'client', client) end
if a.key ~= '' then redis.call('HSET', run, 'key', a.key, 'budget', a.budget) end
if a.slots ~= '' then redis.call('HSET', run, 'slots', a.slots) end
redis.call('EXPIRE', run, a.ttl)
keep(S, run, a.ttl * 2) -- its log may live as long again
if sent then
  redis.call('HSET', sent, 'run', a.run, 'body', a.body)
  redis.call('EXPIRE', sent, a.sent_ttl)
  keep(S, sent, a.sent_ttl)
end
local outcome = 'started'
if not current then
  activate(S, a.run, a.now)
else
  outcome = 'waiting'
  redis.call(a.on_busy == 'interrupt' and 'LPUSH' or 'RPUSH', waiting_key(S), a.run)
end
touch(S, a.ttl)
frames[#frames + 1] = 'state'
frames[#frames + 1] = a.state_frame
announce(S, frames, a.cap, a.ttl)
return {outcome, thread, current}
