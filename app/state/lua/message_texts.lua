-- What stored messages are, read out of their JSON text: functions that scripts may use, after those of prelude.lua.
-- Ids are JSON text here, with their quotes.

-- The JSON string in a text that begins at `from`, with its quotes.
local function json_string_at(text, from)
  local at = from + 1
  while true do
    local found = string.find(text, '["\\]', at)
    if not found then return '' end
    if string.sub(text, found, found) == '"' then return string.sub(text, from, found) end
    at = found + 2
  end
end

local ID, CLIENT_ID, COPY_OF = '{"id":', ',"client_id":', ',"copy_of":'

local function id_of(message) return string.match(message, '^{"id":("[^"\\]*")') or json_string_at(message, #ID + 1) end

-- The string that follows the id of a message as the field `name`, nil if another one does.
local function behind_id(message, name)
  local at = #ID + #id_of(message) + 1
  if string.sub(message, at, at + #name - 1) ~= name then return nil end
  return json_string_at(message, at + #name)
end

-- The id that the client gave a message, nil if it gave none.
local function client_id_of(message) return behind_id(message, CLIENT_ID) end

-- A message with another id of its client, nil for none.
local function with_client_id(message, client_id)
  local head, before = ID .. id_of(message), client_id_of(message)
  local from = #head + (before and #CLIENT_ID + #before or 0) + 1
  return head .. (client_id and CLIENT_ID .. client_id or '') .. string.sub(message, from)
end

-- Role and first character of the content: `"` where it is empty. An id has no quote that is not escaped.
local function head_of(message) return string.match(message, '"role":"(%a+)","content":"(.)') end

-- Whether a message begins a turn: a person's, or their client's reply to a request.
local function begins_turn(message)
  local role = head_of(message)
  return role == 'user' or role == 'system'
end

-- Whether clients see a message: no note of a failure, and not thoughts alone. (`for_clients` in transcript.py is the same.)
local function is_shown(message)
  local role, first = head_of(message)
  if role == 'error' then return false end
  if first ~= '"' then return true end
  local fields = cjson.decode(message)
  return fields.tool_calls ~= nil or fields.tool_results ~= nil
end

-- Whether a message is the note that a filter refused its turn. (`refusal_note` in transcript.py makes it.)
local function is_refusal(message) return head_of(message) == 'error' and string.find(message, '"refused":', 1, true) end

local function is_step(message) return head_of(message) == 'tool' end -- a later step of a multi-step tool

-- The message that this one is a copy of, nil for any other.
local function copy_of(message) return behind_id(message, COPY_OF) end

-- The id of the step that a message tells, also if it is a copy.
local function step_of(message) return copy_of(message) or id_of(message) end

-- A copy of a step, with an id of its own. `number` is another one for each copy.
local function copied(message, number)
  local step, head = step_of(message), ID .. id_of(message) .. (copy_of(message) and COPY_OF .. copy_of(message) or '')
  return ID .. string.sub(step, 1, -2) .. '+' .. number .. '"' .. COPY_OF .. step .. string.sub(message, #head + 1)
end

local function made_at(message) return string.match(message, '"created_at":"([^"]*)"') or '' end
