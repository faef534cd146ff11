-- Store a chunk of a file that is uploaded. KEYS[1]: the session. ARGV: file, number of the chunk, ttl (of the upload),
-- the bytes. (Not one JSON object: the bytes are no text.) Returns 1, or 0 if the file was deleted.
local session, id, number, ttl, bytes = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local file, data = file_key(session, id), file_data_key(session, id)
if redis.call('EXISTS', file) == 0 then return 0 end
redis.call('HSET', data, number, bytes)
redis.call('EXPIRE', file, ttl)
redis.call('EXPIRE', data, ttl)
return 1
