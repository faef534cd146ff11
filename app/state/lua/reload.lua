-- Begin a reload of aomi.yaml, or move it on. KEYS: the hash of the last reload. args: id, phase, digest, seconds. Phase
-- `check` begins: refused while another reload is being checked or taken and the `seconds` of that phase have not passed.
-- `take`, `done` and `dropped` move on what has begun, unless another reload has begun since; what was taken is not
-- dropped. Returns 1, or 0 when it is refused.
local args = cjson.decode(ARGV[1])
local key = KEYS[1]
local last = redis.call('HMGET', key, 'id', 'phase', 'until')
local is_mine = last[1] == args.id
if args.phase == 'check' then
  local is_under_way = last[2] == 'check' or last[2] == 'take'
  if is_under_way and not is_mine and tonumber(last[3]) > now_ms() then return 0 end
  redis.call('HSET', key, 'id', args.id, 'phase', 'check', 'digest', args.digest, 'until', now_ms() + args.seconds * 1000)
  return 1
end
if not is_mine or (args.phase == 'dropped' and last[2] ~= 'check') then return 0 end
redis.call('HSET', key, 'phase', args.phase)
if args.phase == 'take' then
  redis.call('HSET', key, 'taken', args.id, 'taken_digest', args.digest, 'until', now_ms() + args.seconds * 1000)
end
return 1
