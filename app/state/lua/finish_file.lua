-- Complete a file: from now on it can be read, and lives as long as its session. KEYS[1]: the session. args: file, bytes,
-- fields (name, value ...). Returns 1, or 0 if the file or the session was deleted.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local file, data = file_key(session, args.file), file_data_key(session, args.file)
local left = redis.call('PTTL', session)
if left < 0 or redis.call('EXISTS', file) == 0 then return 0 end
redis.call('HSET', file, 'bytes', args.bytes, unpack(args.fields))
redis.call('HSET', files_key(session), args.file, args.bytes)
redis.call('PEXPIRE', files_key(session), left)
redis.call('PEXPIRE', file, left)
redis.call('PEXPIRE', data, left)
return 1
