-- Delete a session and all that belongs to it, and publish updates. KEYS: the session, then those of its keys that have
-- nothing but its id in their names. args: updates (frames), max_updates, ttl. Returns {fields, threads, names in the
-- session's index, addresses of its multi-step calls} from before.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
write_in_full_memory(session)
local fields = redis.call('HGETALL', session)
local threads = redis.call('ZRANGE', threads_key(session), 0, -1)
local kept = redis.call('ZRANGE', kept_key(session), 0, -1)
if #fields > 0 then publish_updates(session, args.updates, args.max_updates, args.ttl) end
local addresses = {}
for _, name in ipairs(kept) do
  local key = kept_name(session, name)
  if string.sub(key, 1, #call_name(session, '')) == call_name(session, '') then
    addresses[#addresses + 1] = redis.call('HGET', key, 'address') or nil
  end
end
for _, id in ipairs(threads) do redis.call('UNLINK', thread_key(session, id), messages_key(session, id)) end
for _, name in ipairs(kept) do
  local key = kept_name(session, name)
  redis.call('UNLINK', key, log_of(key))
end
for _, id in ipairs(redis.call('HKEYS', files_key(session))) do
  redis.call('UNLINK', file_key(session, id), file_data_key(session, id))
end
for _, key in ipairs(KEYS) do redis.call('UNLINK', key) end
return {fields, threads, kept, addresses}
