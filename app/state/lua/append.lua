-- Append events to the logs of several running turns. KEYS: the session of each turn. ARGV: ttl, now, then for
-- each turn: run, batch, count, then `count` times kind, frame. A batch that was appended before (its answer was lost)
-- is passed over. The turn's first one is its `first_at`. Returns for each turn 1, or 0 when it no longer runs and nothing was appended.
local at = 3
local accepted = {}
for turn, S in ipairs(KEYS) do
  local id, batch, count = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local run = run_key(S, id)
  local known = redis.call('HMGET', run, 'status', 'batch', 'first_at')
  if known[1] ~= 'running' then
    accepted[turn] = 0
  else
    accepted[turn] = 1
    if batch > tonumber(known[2] or 0) then
      redis.call('HSET', run, 'batch', batch)
      if not known[3] then redis.call('HSET', run, 'first_at', ARGV[2]) end
      log_frames(S, id, slice(at + 3, count * 2), ARGV[1], ARGV[2])
    end
  end
  at = at + 3 + count * 2
end
return accepted
