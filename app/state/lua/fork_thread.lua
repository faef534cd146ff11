-- Copy a branch of a thread, from its first message to `message`, into a new thread. KEYS[1]: the session. args: thread,
-- message (its id as JSON text), new_thread, fields (name, value ...), max_threads (that the session may have), ttl.
-- Returns 1; or when nothing was written: 0 if there is no such session, -1 if it has `max_threads`, -2 if the thread has
-- no such message. Sent again it changes nothing.
local args = cjson.decode(ARGV[1])
local session, thread, copy = KEYS[1], args.thread, args.new_thread
if redis.call('EXISTS', session) == 0 then return 0 end
if redis.call('ZSCORE', threads_key(session), copy) then return 1 end

-- The parts of chains that lead to the message, the first one first; nil if it is unknown.
local function path()
  local parts, id = {}, own_id(session, thread, args.message)
  repeat
    local chain = chain_of(session, thread, id)
    local last = find_in(session, thread, chain, id)
    if not last then return nil end
    table.insert(parts, 1, {chain = chain, last = last})
    id = chain ~= '' and record_of(session, thread, chain).parent or ''
  until id == ''
  return parts
end

local function copy_part(part)
  for first = 0, part.last, CHUNK do
    local messages = messages_of(session, thread, part.chain, first, math.min(part.last, first + CHUNK - 1))
    redis.call('RPUSH', messages_key(session, copy), unpack(messages))
    for _, message in ipairs(messages) do
      local client_id = client_id_of(message)
      if client_id then redis.call('HSET', ids_key(session, copy), owner_field(client_id), id_of(message)) end
    end
  end
end

local parts = redis.call('ZSCORE', threads_key(session), thread) and path()
if not parts then return -2 end
if redis.call('ZCARD', threads_key(session)) >= args.max_threads then return -1 end
for _, part in ipairs(parts) do copy_part(part) end
redis.call('ZADD', threads_key(session), next_score(threads_key(session)), copy)
redis.call('HSET', thread_key(session, copy), unpack(args.fields))
renew_ttl(session, args.ttl, copy)
return 1
