-- Add what a process has counted. KEYS: the sums, the index of processes, the process's hash. ARGV: process, number of
-- the report, lives of sums and process, the count of what follows, kind and gauges as name, value ..., then what was
-- counted as name, difference ... A report that was added before (its answer was lost) changes nothing.
local sums, processes, process = KEYS[1], KEYS[2], KEYS[3]
local number, shown = tonumber(ARGV[2]), tonumber(ARGV[5])
if number <= tonumber(redis.call('HGET', process, 'report') or 0) then return end
for i = 6 + shown, #ARGV, 2 do redis.call('HINCRBYFLOAT', sums, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', process, 'report', number, unpack(slice(6, shown)))
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', processes, now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', processes, 0, now - ARGV[4] * 1000)
redis.call('EXPIRE', sums, ARGV[3])
redis.call('EXPIRE', processes, ARGV[4])
redis.call('EXPIRE', process, ARGV[4])
