-- Take a slot for a turn. KEYS[1]: the slots of one holder. ARGV: now, the end of the slot's lease, how many sessions may
-- have a slot, session, run, life of the key in ms. Returns 1, or 0 when no slot is free. As one turn of a session runs
-- at a time, its other turns take none of those that are left; nor does a call that is made again.
local H, session = KEYS[1], ARGV[4]
local member = session .. ' ' .. ARGV[5]
redis.call('ZREMRANGEBYSCORE', H, '-inf', ARGV[1])
if redis.call('ZCARD', H) >= tonumber(ARGV[3]) then
  local held, count = {}, 0
  for _, other in ipairs(redis.call('ZRANGE', H, 0, -1)) do
    local of = string.match(other, '^%S+')
    if not held[of] then count = count + 1 end
    held[of] = true
  end
  if not held[session] and count >= tonumber(ARGV[3]) then return 0 end
end
redis.call('ZADD', H, ARGV[2], member)
redis.call('PEXPIRE', H, ARGV[6])
return 1
