-- List a session under its owner, behind those that are listed. KEYS[1]: the owner's index. args: session, ttl.
-- Sent again it changes nothing.
local args = cjson.decode(ARGV[1])
redis.call('ZADD', KEYS[1], 'NX', next_score(KEYS[1]), args.session)
redis.call('EXPIRE', KEYS[1], args.ttl)
