-- Ask the client to do something: it is open from here on. KEYS[1]: the session. ARGV: count of the update frames,
-- these, then named values; `name` is one of this very call. Returns 1, 0 when its number is taken (take the next
-- one), -1 when the turn that asks has ended, or -2 when its session is gone. A call that is made again (its answer was lost) returns what it
-- returned, also when the request was answered meanwhile.
local S = KEYS[1]
local news = slice(2, tonumber(ARGV[1]))
local a = named(2 + #news)
local field, run = request_field(a.number), run_key(S, a.run)
local known = redis.call('HMGET', run, 'status', field)
if known[2] == a.name then return 1 end
if redis.call('EXISTS', S) == 0 then return -2 end
if known[1] ~= 'running' then return -1 end
if tonumber(redis.call('HGET', S, 'requests') or 0) ~= tonumber(a.number) - 1 then return 0 end
redis.call('HSET', S, field, a.request, 'requests', a.number)
redis.call('HSET', run, field, a.name)
post(S, a.event, a.most_events, a.event_ttl)
announce(S, news, a.cap, a.ttl)
return 1
