-- Reserve room for a file that is uploaded. KEYS[1]: the session. args: file, bytes, created_at, max_bytes, max_files
-- (of the session), ttl (of the upload). Entries whose files are gone leave the index. Returns "reserved", "no_session",
-- or "full".
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
if redis.call('EXISTS', session) == 0 then return 'no_session' end
local files, bytes, count = files_key(session), 0, 0
local stored = redis.call('HGETALL', files)
for i = 1, #stored, 2 do
  local id = stored[i]
  if redis.call('EXISTS', file_key(session, id)) == 0 then
    redis.call('HDEL', files, id)
  elseif id ~= args.file then
    bytes, count = bytes + tonumber(stored[i + 1]), count + 1
  end
end
if bytes + args.bytes > args.max_bytes or count >= args.max_files then return 'full' end
redis.call('HSET', files, args.file, args.bytes)
redis.call('PEXPIRE', files, redis.call('PTTL', session))
redis.call('HSET', file_key(session, args.file), 'id', args.file, 'created_at', args.created_at)
redis.call('EXPIRE', file_key(session, args.file), args.ttl)
return 'reserved'
