-- Calls of a turn that wait for a person: functions that scripts may use, after those of branches.lua.
--
-- The field `awaiting` of a thread names the run whose calls are open. That run has them in `open_calls` (JSON: `message`,
-- `calls`, `declined`), its own life after their end in `kept_after` (s), the answers so far in `answer:<call>` (JSON: `by`, `result` as JSON text), and in `open_until` when they
-- expire, ms. `awaited` names the run whose calls were closed last. `asked_ids` (JSON) are the newest ids of calls that
-- have waited in the thread, on any branch: a call of a later turn gets another one, so that no old answer counts for it.

local MOST_ASKED_IDS = 64

-- Note the ids of calls that wait from now on.
local function note_asked_ids(session, thread, open_calls)
  local ids = cjson.decode(redis.call('HGET', thread_key(session, thread), 'asked_ids') or '[]')
  for _, call in ipairs(cjson.decode(open_calls).calls) do ids[#ids + 1] = call.call_id end
  while #ids > MOST_ASKED_IDS do table.remove(ids, 1) end
  redis.call('HSET', thread_key(session, thread), 'asked_ids', cjson.encode(ids))
end

-- Add results to a message, wherever it is, and other fields behind them. The text of a message whose calls are open ends
-- with the list of its results. `results` are JSON texts.
local function add_results(session, thread, id, results, more)
  local chain = chain_of(session, thread, id)
  local index, message = find_in(session, thread, chain, id)
  if not index or #results == 0 or string.sub(message, -2) ~= ']}' then return end
  local head = string.sub(message, 1, -3)
  local comma = string.sub(head, -1) == '[' and '' or ','
  local changed = head .. comma .. table.concat(results, ',') .. ']' .. more .. '}'
  if chain == '' then
    redis.call('LSET', messages_key(session, thread), index, changed)
  else
    redis.call('HSET', aside_key(session, thread), message_field(chain, index), changed)
  end
end

local function result_of(call, result)
  return '{"call_id":' .. cjson.encode(call.call_id) .. ',"name":' .. cjson.encode(call.name) .. ',"result":' .. result .. '}'
end

-- No call of the thread is open any more. The run is kept as long as others after their end.
local function end_awaiting(session, thread, id)
  local run = run_key(session, id)
  redis.call('HDEL', thread_key(session, thread), 'awaiting')
  redis.call('HSET', thread_key(session, thread), 'awaited', id)
  local kept = redis.call('HGET', run, 'kept_after')
  if kept and not has_unsettled_model_calls(run) then redis.call('EXPIRE', run, kept) end
end

-- Close the open calls of a thread, which nobody answers now. Those without a true result get `result` (JSON text), nil for that
-- of a declined call. `frames` has the update of each call, nil for those of declined calls. Returns the
-- updates {kind, frame ...} of those that had no answer.
local function close_open_calls(session, thread, result, frames, more)
  local id = redis.call('HGET', thread_key(session, thread), 'awaiting')
  if not id then return {} end
  local run = run_key(session, id)
  end_awaiting(session, thread, id)
  local stored = redis.call('HGET', run, 'open_calls')
  if not stored then return {} end
  local open = cjson.decode(stored)
  local results, updates = {}, {}
  for i, call in ipairs(open.calls) do
    local answer = redis.call('HGET', run, answer_field(call.call_id))
    local known = answer and cjson.decode(answer).result
    results[i] = result_of(call, known or result or open.declined)
    if not answer then
      updates[#updates + 1], updates[#updates + 2] = 'tool_answered', frames and frames[call.call_id] or call.declined
    end
  end
  add_results(session, thread, '"' .. open.message .. '"', results, more or '')
  return updates
end
