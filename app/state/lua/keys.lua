-- The names of redis_keys.py for the scripts, which learn some ids only while they run. A test holds the two equal.
-- `session` is the name of the session's hash, with which the names of its other keys begin.
local function threads_key(session) return session .. ':threads' end
local function thread_key(session, id) return session .. ':thread:' .. id end
local function messages_key(session, id) return session .. ':thread:' .. id .. ':messages' end
local function branches_key(session, id) return thread_key(session, id) .. ':branches' end
local function aside_key(session, id) return thread_key(session, id) .. ':aside' end
local function ids_key(session, id) return thread_key(session, id) .. ':ids' end
local function feedback_key(session, id) return thread_key(session, id) .. ':feedback' end
local function waiting_key(session) return session .. ':waiting' end
local function updates_key(session) return session .. ':updates' end
local function run_key(session, id) return session .. ':run:' .. id end
local function call_name(session, name) return session .. ':call:' .. name end
local function tools_key(session) return session .. ':tools' end
local function mailbox_key(session) return session .. ':mailbox' end
local function fetched_key(session) return session .. ':fetched' end
local function client_key(session) return session .. ':client' end
local function owner_key(session) return session .. ':owner' end
local function usage_key(session) return session .. ':usage' end
local function response_usage_key(session) return session .. ':response-usage' end
local function files_key(session) return session .. ':files' end
local function file_key(session, id) return session .. ':file:' .. id end
local function file_data_key(session, id) return file_key(session, id) .. ':data' end
local function kept_key(session) return session .. ':kept' end
local function kept_name(session, name) return session .. ':' .. name end
local function log_of(run) return run .. ':log' end
local function log_key(session, id) return log_of(run_key(session, id)) end
local function answer_field(call) return 'answer:' .. call end
local function request_field(number) return 'request:' .. number end
local function model_call_field(number) return 'model_call:' .. number end
local function charge_field(number) return 'charge:' .. number end
