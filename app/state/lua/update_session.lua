-- Change fields of a session or of one of its threads and publish updates. KEYS[1]: the session. args: thread ('' for
-- the session itself), only_source (change it only if its title has this source; '' for always), fields (name, value
-- ...), updates (frames), max_updates, ttl. Returns 1, or 0 when there is no such thing or its title's source differs.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local key = args.thread == '' and session or thread_key(session, args.thread)
if redis.call('EXISTS', session) == 0 or redis.call('EXISTS', key) == 0 then return 0 end
if args.only_source ~= '' and redis.call('HGET', key, 'title_source') ~= args.only_source then return 0 end
if #args.fields > 0 then redis.call('HSET', key, unpack(args.fields)) end
publish_updates(session, args.updates, args.max_updates, args.ttl)
return 1
