-- Take events out of a session's mailbox, so that each one is delivered once. KEYS[1]: the session. ARGV: how many at
-- most, a name of this very fetch, seconds for which it can be made again. Returns the events, oldest first. A fetch
-- that is made again (its answer was lost) returns what it returned.
local mailbox, fetched = mailbox_key(KEYS[1]), fetched_key(KEYS[1])
if redis.call('LINDEX', fetched, 0) == ARGV[2] then return redis.call('LRANGE', fetched, 1, -1) end
local events = redis.call('LRANGE', mailbox, 0, ARGV[1] - 1)
if #events == 0 then return events end
redis.call('LTRIM', mailbox, #events, -1)
redis.call('DEL', fetched)
redis.call('RPUSH', fetched, ARGV[2], unpack(events))
redis.call('EXPIRE', fetched, ARGV[3])
return events
