-- Close a model call whose charge is in all sums. KEYS[1]: the session. args: those of `close_model_call`. Returns 1, or 0 when
-- the call was not open.
local args = cjson.decode(ARGV[1])
return close_model_call(KEYS[1], args) and 1 or 0
