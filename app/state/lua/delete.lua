-- Remove a session and all that belongs to it, and tell its listeners. KEYS: the session, then those of its keys that have
-- nothing but its id in their names. ARGV: cap, ttl, then the update frames. Returns {fields, threads, names of the kept
-- keys}, as they were.
local S = KEYS[1]
local fields = redis.call('HGETALL', S)
local threads = redis.call('ZRANGE', threads_key(S), 0, -1)
local kept = redis.call('ZRANGE', kept_key(S), 0, -1)
if #fields > 0 then announce(S, slice(3, #ARGV - 2), ARGV[1], ARGV[2]) end
for _, id in ipairs(threads) do redis.call('UNLINK', thread_key(S, id), messages_key(S, id)) end
for _, name in ipairs(kept) do
  local key = kept_name(S, name)
  redis.call('UNLINK', key, log_of(key))
end
for _, key in ipairs(KEYS) do redis.call('UNLINK', key) end
return {fields, threads, kept}
