-- Add a charge to the sums of its API key's day and month, once. KEYS: the names of counted charges, the day, the month.
-- args: those of `count_charge`. Returns 1, or 0 for a charge that was counted before.
local args = cjson.decode(ARGV[1])
write_in_full_memory(KEYS[1])
return count_charge(KEYS[1], KEYS[2], KEYS[3], args) and 1 or 0
