-- Delete a file, or an upload that failed. KEYS[1]: the session. args: file.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
write_in_full_memory(session)
redis.call('UNLINK', file_key(session, args.file), file_data_key(session, args.file))
redis.call('HDEL', files_key(session), args.file)
