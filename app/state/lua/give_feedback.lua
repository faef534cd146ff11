-- Keep feedback on a reply, or take it back. KEYS[1]: the session. args: thread, message (the reply's id as
-- JSON text), run (the id of a turn whose last reply is meant, '' for none), look (true only finds the reply), key, feedback
-- (JSON text, '' takes it back), now, most (keys that a reply may have), updates (frames, published if something changed),
-- max_updates, ttl, webhook (a message to the app's receiver, '' for none).
-- Returns {-2} if the thread has no such reply, {-3} if it is being made; if it only looks {1, the reply, its turn, the app
-- of that ('' if its record is gone)}; {-1} if the reply has `most` keys; or {1, all feedback on it, 1 if something
-- changed, 1 if the message was put, the name of the one that it replaces or ''}. Sent again it changes nothing.
local args = cjson.decode(ARGV[1])
local session, thread = KEYS[1], args.thread
if not redis.call('ZSCORE', threads_key(session), thread) then return {-2} end

local function is_reply(message) return head_of(message) == 'assistant' and is_shown(message) end

local function last_reply_of(run)
  local _, message = seek(session, thread, chain_of(session, thread, run), function(message)
    return run_of(id_of(message)) == run and is_reply(message)
  end)
  return message
end

local function reply_of(id)
  local _, message = find_in(session, thread, chain_of(session, thread, id), id)
  return message and is_reply(message) and message or nil
end

local own = own_id(session, thread, args.message)
local reply = args.run ~= '' and last_reply_of(args.run) or reply_of(own)
if not reply then
  local current, _, its_thread = current_turn(session)
  local is_unfinished = current ~= '' and its_thread == thread and (args.run == current or run_of(own) == current)
  return {is_unfinished and -3 or -2}
end
if args.look then
  local run = run_of(id_of(reply)) or ''
  return {1, reply, run, run ~= '' and redis.call('HGET', run_key(session, run), 'app') or ''}
end

local stored, id = feedback_key(session, thread), client_id_of(reply) or id_of(reply)
local by_key = cjson.decode(redis.call('HGET', stored, id) or '{}')
local function count(entries)
  local keys = 0
  for _ in pairs(entries) do keys = keys + 1 end
  return keys
end

-- Drop a message that was put, unless it has been delivered.
local function drop(name)
  redis.call('DEL', kept_name(session, name))
  redis.call('ZREM', kept_key(session), name)
end

-- Put the message. Of those of one key only the newest waits for the receiver, and those of keys that were taken back are
-- as many as the others at most. Returns the name of the one that it replaces.
local function tell()
  local field = 'untold:' .. id -- the other fields are ids
  local untold = cjson.decode(redis.call('HGET', stored, field) or '{}')
  for key, name in pairs(untold) do
    if redis.call('EXISTS', kept_name(session, name)) == 0 then untold[key] = nil end
  end
  local replaced = untold[args.key]
  for key, name in pairs(untold) do
    if not replaced and count(untold) >= 2 * args.most and not by_key[key] then replaced = name end
  end
  for key, name in pairs(untold) do
    if name == replaced then untold[key] = nil end
  end
  if replaced then drop(replaced) end
  put_webhook(session, args.webhook)
  untold[args.key] = args.webhook.name
  redis.call('HSET', stored, field, cjson.encode(untold))
  return replaced or ''
end

local before, replaced = by_key[args.key], ''
if args.feedback ~= '' and not before and count(by_key) >= args.most then return {-1} end
local is_same = before and before.feedback == args.feedback or not before and args.feedback == ''
if not is_same then
  by_key[args.key] = args.feedback ~= '' and {feedback = args.feedback, at = args.now} or nil
  if count(by_key) > 0 then
    redis.call('HSET', stored, id, cjson.encode(by_key))
  else
    redis.call('HDEL', stored, id)
  end
  if args.webhook ~= '' then replaced = tell() end
  renew_ttl(session, args.ttl, thread)
  publish_updates(session, args.updates, args.max_updates, args.ttl)
end
local is_put = args.webhook ~= '' and redis.call('EXISTS', kept_name(session, args.webhook.name)) or 0
return {1, redis.call('HGET', stored, id) or '{}', is_same and 0 or 1, is_put, replaced}
