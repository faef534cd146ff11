-- Set fields of a hash that exists: one that was removed stays removed. KEYS[1]: the hash. args: fields (name, value
-- ...); a field whose value is empty is removed. Returns 1, or 0 when there is no such hash.
local args = cjson.decode(ARGV[1])
local key = KEYS[1]
if redis.call('EXISTS', key) == 0 then return 0 end
for i = 1, #args.fields, 2 do
  local name, value = args.fields[i], args.fields[i + 1]
  if value == '' then redis.call('HDEL', key, name) else redis.call('HSET', key, name, value) end
end
return 1
