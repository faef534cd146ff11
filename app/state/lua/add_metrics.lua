-- Add what a process has counted. KEYS: the sums, the index of processes, the process's hash. args: process, number (of
-- the report), gauges (name, value ...), counted (name, difference ...), sums_ttl, process_ttl. A report that was added
-- before, because its reply was lost, changes nothing.
local args = cjson.decode(ARGV[1])
local sums, processes, process = KEYS[1], KEYS[2], KEYS[3]
if args.number <= tonumber(redis.call('HGET', process, 'report') or 0) then return end
for i = 1, #args.counted, 2 do redis.call('HINCRBYFLOAT', sums, args.counted[i], args.counted[i + 1]) end
redis.call('HSET', process, 'report', args.number, unpack(args.gauges))
local now = now_ms()
redis.call('ZADD', processes, now, args.process)
redis.call('ZREMRANGEBYSCORE', processes, 0, now - args.process_ttl * 1000)
redis.call('EXPIRE', sums, args.sums_ttl)
redis.call('EXPIRE', processes, args.process_ttl)
redis.call('EXPIRE', process, args.process_ttl)
