-- The run in which one of some calls waits for a person. KEYS[1]: the session. args: thread ('' for any, the newest first),
-- calls (ids). Returns its fields, or nothing. There is a field `several` if another thread has, or had, such a call: some
-- providers number theirs.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]

local function has_call(run)
  local open = cjson.decode(redis.call('HGET', run, 'open_calls') or '{"calls":[]}')
  for _, call in ipairs(open.calls) do
    for _, wanted in ipairs(args.calls) do
      if call.call_id == wanted then return true end
    end
  end
  return false
end

local threads = args.thread ~= '' and {args.thread} or redis.call('ZREVRANGE', threads_key(session), 0, -1)
local found, count = nil, 0
for _, thread in ipairs(threads) do
  local awaiting, awaited = unpack(redis.call('HMGET', thread_key(session, thread), 'awaiting', 'awaited'))
  local is_open = awaiting and has_call(run_key(session, awaiting))
  found = found or is_open and awaiting
  if is_open or (awaited and has_call(run_key(session, awaited))) then count = count + 1 end
end
if not found then return {} end
local fields = redis.call('HGETALL', run_key(session, found))
if count > 1 then fields[#fields + 1], fields[#fields + 2] = 'several', '1' end
return fields
