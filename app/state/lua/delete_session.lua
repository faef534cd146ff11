-- Delete a session and what belongs to it, or a part of that where it is much. KEYS: the session, then those of its keys
-- that have nothing but its id in their names. args: count (of threads, and of names in the session's index, that a part
-- has; the last one has at most twice as many), updates (frames, published with the last part), max_updates, ttl,
-- keep_webhooks (1 leaves messages to receivers, which have lives of their own). Returns
-- {1 if all is deleted, fields, the threads and the names that were deleted, addresses of multi-step calls, slots of
-- turns}. The names whose time is over first go first, so that turns that have not ended go with the session itself.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
write_in_full_memory(session)
local fields = redis.call('HGETALL', session)
local most = 2 * args.count
local are_threads_many = redis.call('ZCARD', threads_key(session)) > most
local are_kept_many = redis.call('ZCARD', kept_key(session)) > most
local is_last = not are_threads_many and not are_kept_many

local function part_of(index, is_many)
  if not is_last and not is_many then return {} end
  return redis.call('ZRANGE', index, 0, (is_last and most or args.count) - 1)
end

local threads = part_of(threads_key(session), are_threads_many)
local kept = part_of(kept_key(session), are_kept_many)
local addresses, slots = {}, {}
local function begins_with(key, beginning) return string.sub(key, 1, #beginning) == beginning end
for _, name in ipairs(kept) do
  local key = kept_name(session, name)
  if begins_with(key, call_name(session, '')) then
    addresses[#addresses + 1] = redis.call('HGET', key, 'address') or nil
  elseif begins_with(key, run_key(session, '')) then
    slots[#slots + 1] = redis.call('HGET', key, 'slots') or nil
  end
end
for _, id in ipairs(threads) do
  redis.call('UNLINK', thread_key(session, id), messages_key(session, id), branches_key(session, id),
    aside_key(session, id), ids_key(session, id), feedback_key(session, id))
end
for _, name in ipairs(kept) do
  local key = kept_name(session, name)
  if not (args.keep_webhooks == 1 and begins_with(name, 'webhook:')) then redis.call('UNLINK', key, log_of(key)) end
end
if #threads > 0 then redis.call('ZREM', threads_key(session), unpack(threads)) end
if #kept > 0 then redis.call('ZREM', kept_key(session), unpack(kept)) end
if is_last then
  if #fields > 0 then publish_updates(session, args.updates, args.max_updates, args.ttl) end
  for _, id in ipairs(redis.call('HKEYS', files_key(session))) do
    redis.call('UNLINK', file_key(session, id), file_data_key(session, id))
  end
  for _, key in ipairs(KEYS) do redis.call('UNLINK', key) end
end
return {is_last and 1 or 0, fields, threads, kept, addresses, slots}
