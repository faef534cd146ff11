-- Take a concurrency slot for a turn. KEYS[1]: the slots of one limit. args: session, run, max_sessions (that may have a
-- slot), lasts (the slot, in ms), ttl (of the key, in ms). Returns 1, or 0 when no slot is free. One turn
-- of a session runs at a time, so its other turns take no slot that others could have; nor does a call sent again.
local args = cjson.decode(ARGV[1])
local slots, now = KEYS[1], now_ms()

local function is_free()
  if redis.call('ZCARD', slots) < args.max_sessions then return true end
  local seen, count = {}, 0
  for _, member in ipairs(redis.call('ZRANGE', slots, 0, -1)) do
    local session = string.match(member, '^%S+')
    if not seen[session] then count = count + 1 end
    seen[session] = true
  end
  return seen[args.session] or count < args.max_sessions
end

redis.call('ZREMRANGEBYSCORE', slots, '-inf', string.format('%.0f', now))
if not is_free() then return 0 end
redis.call('ZADD', slots, string.format('%.0f', now + args.lasts), args.session .. ' ' .. args.run)
redis.call('PEXPIRE', slots, args.ttl)
return 1
