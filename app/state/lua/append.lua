-- Append events to the logs of several running turns. KEYS: the session of each turn. ARGV: ttl, now, then for
-- each turn: run, batch, the batch before it, count, then `count` times kind, frame. A batch that was appended before
-- (its answer was lost) is passed over. The turn's first one is its `first_at`. Returns for each turn 1, or when nothing
-- was appended: 0 as it no longer runs, -1 as the log has lost the batch before (its master died).
local at = 3
local accepted = {}
for turn, S in ipairs(KEYS) do
  local id, batch, after, count = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local run = run_key(S, id)
  local known = redis.call('HMGET', run, 'status', 'batch', 'first_at')
  if known[1] ~= 'running' then
    accepted[turn] = 0
  elseif tonumber(known[2] or 0) < after then
    accepted[turn] = -1
  else
    accepted[turn] = 1
    if batch > tonumber(known[2] or 0) then
      redis.call('HSET', run, 'batch', batch)
      if not known[3] then redis.call('HSET', run, 'first_at', ARGV[2]) end
      log_frames(S, id, slice(at + 4, count * 2), ARGV[1], ARGV[2])
    end
  end
  at = at + 4 + count * 2
end
return accepted
