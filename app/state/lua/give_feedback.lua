-- Keep feedback on a reply, or take it back. KEYS[1]: the session. args: thread, message (the reply's id as
-- JSON text), run (the id of a turn whose last reply is meant, '' for none), key, feedback (JSON text, '' takes it back),
-- now, most (keys that a reply may have), updates (frames, published if something changed), max_updates, ttl.
-- Returns {1, the id of the reply as JSON text, all feedback on it, 1 if something changed, `trace` of the reply, its turn, the app of that
-- ('' if its record is gone)}; or
-- when nothing was changed {-1} if the reply has `most` keys, {-2} if the thread has no such reply, {-3} if it is being made.
-- Sent again it changes nothing.
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

local function app_of(run) return run and redis.call('HGET', run_key(session, run), 'app') or '' end

local own = own_id(session, thread, args.message)
local reply = args.run ~= '' and last_reply_of(args.run) or reply_of(own)
if not reply then
  local current, _, its_thread = current_turn(session)
  local is_unfinished = current ~= '' and its_thread == thread and (args.run == current or run_of(own) == current)
  return {is_unfinished and -3 or -2}
end

local stored, id = feedback_key(session, thread), client_id_of(reply) or id_of(reply)
local by_key = cjson.decode(redis.call('HGET', stored, id) or '{}')
local function count()
  local keys = 0
  for _ in pairs(by_key) do keys = keys + 1 end
  return keys
end

local before = by_key[args.key]
if args.feedback ~= '' and not before and count() >= args.most then return {-1} end
local is_same = before and before.feedback == args.feedback or not before and args.feedback == ''
if not is_same then
  by_key[args.key] = args.feedback ~= '' and {feedback = args.feedback, at = args.now} or nil
  if count() > 0 then
    redis.call('HSET', stored, id, cjson.encode(by_key))
  else
    redis.call('HDEL', stored, id)
  end
  renew_ttl(session, args.ttl, thread)
  publish_updates(session, args.updates, args.max_updates, args.ttl)
end
return {1, id, redis.call('HGET', stored, id) or '{}', is_same and 0 or 1, behind_id(reply, ',"trace":') or '""', run_of(id_of(reply)), app_of(run_of(id_of(reply)))}
