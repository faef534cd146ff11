-- Set fields of a hash that exists, so that what was removed meanwhile stays so. KEYS[1]: the hash. ARGV: name, value,
-- ...; a field whose value is empty goes. Returns 1, or 0 when there is no such hash.
local key = KEYS[1]
if redis.call('EXISTS', key) == 0 then return 0 end
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', key, ARGV[i])
  else
    redis.call('HSET', key, ARGV[i], ARGV[i + 1])
  end
end
return 1
