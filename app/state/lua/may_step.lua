-- Whether a job may begin the next step of its call. KEYS[1]: the session, KEYS[2]: the call. args: run, claim.
-- Returns 1, or 0 when another job has the call, or it may not go on (see `may_go_on`).
local args = cjson.decode(ARGV[1])
return is_claimed_by(KEYS[2], args.claim) and may_go_on(KEYS[1], KEYS[2], args.run) and 1 or 0
