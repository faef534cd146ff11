-- Make the branch of a message active, down to its newest leaf. KEYS[1]: the session. args: thread, message (its id as
-- JSON text), updates (frames, published if another branch is active now), ttl, max_updates.
-- Returns 1; or when nothing was changed: 0 if there is no such thread, -1 if it has no such message, -2 while a turn of
-- this thread is current. A call that is sent again changes nothing.
local args = cjson.decode(ARGV[1])
local session, thread = KEYS[1], args.thread
if not redis.call('ZSCORE', threads_key(session), thread) then return 0 end
local _, _, its_thread = current_turn(session)
if its_thread == thread then return -2 end

local id = own_id(session, thread, args.message)
local chain = chain_of(session, thread, id)
local from_here = {} -- the message and those behind it in its chain
local index = seek(session, thread, chain, function(message)
  local its_id = id_of(message)
  from_here[its_id] = true
  return its_id == id
end)
if not index then return -1 end

-- The records of the segments, by number.
local function records()
  local found, prefix = {}, segment_field('')
  local stored = redis.call('HGETALL', branches_key(session, thread))
  for i = 1, #stored, 2 do
    if string.sub(stored[i], 1, #prefix) == prefix then
      found[string.sub(stored[i], #prefix + 1)] = cjson.decode(stored[i + 1])
    end
  end
  return found
end

-- Which chains hold messages that follow the message, as far as known.
local known = {}

-- Whether a segment follows the message, at whatever distance. Each record is looked at once: a fork may be deep in others.
local function follows(segment, all)
  local passed, answer = {}, nil
  while answer == nil do
    local record = all[segment]
    if not record then break end
    passed[#passed + 1] = segment
    segment = chain_of(session, thread, record.parent)
    if segment == chain then answer = from_here[record.parent] or false else answer = known[segment] end
  end
  for _, one in ipairs(passed) do known[one] = answer or false end
  return answer
end

-- Whether a chain ends with its last message that may have followers: an answer that failed may have left that one without
-- the answers to it, which are in segments.
local function is_leaf(its_chain, all)
  local last = nearest_fork(session, thread, its_chain, nil)
  for _, record in pairs(all) do
    if record.shown ~= '' and record.fork == last then return false end
  end
  return true
end

local function changed_at(its_chain, all)
  if its_chain ~= '' then return all[its_chain] and all[its_chain].changed or '' end
  return made_at(redis.call('LINDEX', messages_key(session, thread), -1) or '')
end

-- An answer that failed with nothing to show is no leaf.
local function newest_leaf()
  local all = records()
  local newest, changed = chain, is_leaf(chain, all) and changed_at(chain, all) or ''
  for segment, record in pairs(all) do
    local is_later = record.changed > changed
    local is_as_new = record.changed == changed and newest ~= '' and tonumber(segment) > tonumber(newest)
    if (is_later or is_as_new) and record.shown ~= '' and follows(segment, all) and is_leaf(segment, all) then
      newest, changed = segment, record.changed
    end
  end
  return newest
end

local leaf = newest_leaf()
if leaf == '' then return 1 end
if not activate(session, thread, leaf) then return -1 end
renew_ttl(session, args.ttl, thread)
publish_updates(session, args.updates, args.max_updates, args.ttl)
return 1
