-- Append events to the logs of several running turns. KEYS: the session of each turn. ARGV: ttl, now, then for each
-- turn: run, claim of its worker ('' for any), batch, the batch before it, count, then `count` times kind, frame. (Not one
-- JSON object, as every other script takes: this one is in the path of each token.)
-- A batch that was appended before, because its reply was lost, is passed over. The turn's first one sets `first_at`.
-- Returns for each turn 1, or when nothing was appended: 0 if it no longer runs or another worker has it (a master died and
-- lost the first claim), -1 if the log has lost the batch before (its master died).
local function slice(from, count)
  local values = {}
  for i = 0, count - 1 do values[i + 1] = ARGV[from + i] end
  return values
end

local at = 3
local appended = {}
for turn, session in ipairs(KEYS) do
  local id, claim = ARGV[at], ARGV[at + 1]
  local batch, after, count = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local run = run_key(session, id)
  local stored = redis.call('HMGET', run, 'status', 'batch', 'first_at', 'claim')
  if stored[1] ~= 'running' or (claim ~= '' and claim ~= stored[4]) then
    appended[turn] = 0
  elseif tonumber(stored[2] or 0) < after then
    appended[turn] = -1
  else
    appended[turn] = 1
    if batch > tonumber(stored[2] or 0) then
      redis.call('HSET', run, 'batch', batch)
      if not stored[3] then redis.call('HSET', run, 'first_at', ARGV[2]) end
      log_frames(session, id, slice(at + 5, count * 2), ARGV[1], ARGV[2])
    end
  end
  at = at + 5 + count * 2
end
return appended
