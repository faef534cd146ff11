-- Put a message to an app's receiver into the session. KEYS[1]: the session. args: webhook (the message). Returns 1, or 0
-- when the session is gone. Sent again it changes nothing.
local args = cjson.decode(ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return put_webhook(KEYS[1], args.webhook)
