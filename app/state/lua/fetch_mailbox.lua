-- Take events out of a session's mailbox, so that each is delivered once. KEYS[1]: the session. args: count (at most so
-- many), name (of this very call), ttl (seconds for which it can be sent again). Returns the events, oldest first. A
-- call that is sent again, because its reply was lost, returns what it returned.
local args = cjson.decode(ARGV[1])
local mailbox, fetched = mailbox_key(KEYS[1]), fetched_key(KEYS[1])
if redis.call('LINDEX', fetched, 0) == args.name then return redis.call('LRANGE', fetched, 1, -1) end
local events = redis.call('LRANGE', mailbox, 0, args.count - 1)
if #events == 0 then return events end
redis.call('LTRIM', mailbox, #events, -1)
redis.call('DEL', fetched)
redis.call('RPUSH', fetched, args.name, unpack(events))
redis.call('EXPIRE', fetched, args.ttl)
return events
