-- Note that a reaper has passed. KEYS[1]: its last pass. args: ttl, in ms. Returns the time of this pass and that of the
-- one before, '' if it is not known, both in microseconds since 1970.
local args = cjson.decode(ARGV[1])
local now, before = string.format('%.0f', now_us()), redis.call('GET', KEYS[1]) or ''
redis.call('SET', KEYS[1], now, 'PX', args.ttl)
return {now, before}
