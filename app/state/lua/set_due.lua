-- Set when members of sorted sets are due, by the clock of Redis. KEYS: the sets. ARGV: 'XX' for members that exist
-- alone, 'NX' for new ones alone, or ''; then for each set: member, in how many ms it is due, ttl (of the set, in ms, 0 for none). (Not one JSON
-- object: it is called for several keys at once.) Returns 1 for each set.
local now, done = now_ms(), {}
for i, key in ipairs(KEYS) do
  if ARGV[1] == 'NX' then redis.call('ZREM', key, '') end -- as `write_in_full_memory` does: it precedes an end
  local member, after, ttl = ARGV[3 * i - 1], tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local at = string.format('%.0f', now + after)
  if ARGV[1] ~= '' then redis.call('ZADD', key, ARGV[1], at, member) else redis.call('ZADD', key, at, member) end
  if ttl > 0 then redis.call('PEXPIRE', key, ttl) end
  done[i] = 1
end
return done
