-- Settle a model call of a turn: its first charge counts and joins the session's usage. KEYS[1]: the session; behind it, where
-- one server has them all, the keys of each account as `add_usage` takes them: then all that is left is done in this step.
-- args: run, number, charge (JSON), sums (field, how much to add ...), run_sums (the same of the run), ttl (of the
-- session), account (the args of `add_usage`), and those of `close_model_call`. A turn whose message has a note is a response of OpenAI's API, which is shown for as long as the session, and
-- so are the facts of one whose message keeps them.
-- Returns {the charge that counts}, {it, 1} if the call is counted and closed; nothing when the turn is gone.
local args = cjson.decode(ARGV[1])
local session, run = KEYS[1], run_key(KEYS[1], args.run)
local field = charge_field(args.number)
if redis.call('EXISTS', run) == 0 then return {} end
write_in_full_memory(session)
if redis.call('HSETNX', run, field, args.charge) == 0 then return {redis.call('HGET', run, field)} end
local function add(key, sums)
  for i = 1, #sums, 2 do redis.call('HINCRBY', key, sums[i], sums[i + 1]) end
  redis.call('EXPIRE', key, args.ttl)
end

add(usage_key(session), args.sums)
local message = redis.call('HGET', run, 'message')
local function message_has(text) return message and string.find(message, text, 1, true) end
if args.run_sums and (message_has('"note":{') or message_has('"keeps_facts":true')) then
  add(response_usage_key(session), args.run_sums)
end
if #KEYS == 1 then return {args.charge} end
for i = 2, #KEYS, 3 do count_charge(KEYS[i], KEYS[i + 1], KEYS[i + 2], args.account) end
close_model_call(session, args)
return {args.charge, 1}
