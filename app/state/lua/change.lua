-- Change fields of a session or of one of its threads and tell its listeners. KEYS[1]: the session. ARGV: thread
-- ('' for the session itself), only when its title has this source ('' for always), cap, ttl, count of fields,
-- the fields, then the update frames. Returns 1, or 0 when there is no such thing or its title's source differs.
local S = KEYS[1]
local target = ARGV[1] == '' and S or thread_key(S, ARGV[1])
if redis.call('EXISTS', target) == 0 then return 0 end
if ARGV[2] ~= '' and redis.call('HGET', target, 'title_source') ~= ARGV[2] then return 0 end
local count = tonumber(ARGV[5])
if count > 0 then redis.call('HSET', target, unpack(slice(6, count))) end
announce(S, slice(6 + count, #ARGV - 5 - count), ARGV[3], ARGV[4])
return 1
