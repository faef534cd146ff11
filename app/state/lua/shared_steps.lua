-- Later steps of tools that branches share: functions that scripts may use, after those of message_texts.lua.
--
-- The steps of a call follow it in its chain, wherever they came. When the active branch is left behind a message, steps of
-- calls up to that message are copied to the end of the branch that follows there: its prompts need them.

-- Notes on messages that are passed in order: `calls` are the messages with calls, `steps` those of steps, each with the
-- number of `calls` before it.
local function nothing_passed() return {calls = {}, steps = {}} end

local function pass(passed, message)
  if is_step(message) then
    table.insert(passed.steps, {message = message, calls_before = #passed.calls})
  elseif string.find(message, '"tool_calls":', 1, true) then
    table.insert(passed.calls, message)
  end
end

-- Whether the first `count` of some messages make a call of this id.
local function has_call(messages, count, call_id)
  for i = 1, count do
    for _, call in ipairs(cjson.decode(messages[i]).tool_calls or {}) do
      if call.call_id == call_id then return true end
    end
  end
  return false
end

-- Those of the passed steps whose call is not among the passed messages: it is before them.
local function steps_of_calls_before(passed)
  local found = {}
  for _, step in ipairs(passed.steps) do
    local result = cjson.decode(step.message).tool_results[1]
    if not has_call(passed.calls, step.calls_before, result.call_id) then table.insert(found, step.message) end
  end
  return found
end

-- Steps in the order in which they came, each one once, without those that `is_known`.
local function in_order(steps, is_known)
  local found, known = {}, {}
  for place, message in ipairs(steps) do
    local step = step_of(message)
    if not (known[step] or is_known[step]) then
      known[step] = true
      found[#found + 1] = {message = message, place = place}
    end
  end
  table.sort(found, function(a, b)
    local one, other = made_at(a.message), made_at(b.message)
    if one == other then return a.place < b.place end
    return one < other
  end)
  for i, one in ipairs(found) do found[i] = one.message end
  return found
end
