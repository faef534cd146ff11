-- Take or renew a place of a multi-step call among those of its address. KEYS[1]: the calls of the address.
-- args: member, max_calls, ttl. Returns 1, or 0 when the address has `max_calls` other calls that have not ended.
local args = cjson.decode(ARGV[1])
local calls = KEYS[1]
if is_full(calls, args.max_calls) and not redis.call('ZSCORE', calls, args.member) then return 0 end
add_for(calls, args.member, args.ttl)
return 1
