-- Claim a session for a user: the first one who uses it owns it. KEYS[1]: the session. args: user, ttl, early_ttl (seconds
-- that the claim of a session lasts that does not exist yet), listed (whether it is in the list of the user's sessions).
-- Returns 0 if another user owns it, 1 if it is this one's and listed, 2 if it is this one's and not listed yet. Sent
-- again it returns the same.
local args = cjson.decode(ARGV[1])
local session = KEYS[1]
local owner, listed = string.match(redis.call('GET', owner_key(session)) or '', '(%S+) (%S)')
if owner and owner ~= args.user then return 0 end
if listed == '1' then return 1 end
if not owner or args.listed then
  local exists = redis.call('EXISTS', session) == 1
  redis.call('SET', owner_key(session), args.user .. (args.listed and ' 1' or ' 0'), 'EX',
    exists and args.ttl or args.early_ttl)
end
return args.listed and 1 or 2
