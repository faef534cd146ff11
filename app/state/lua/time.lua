-- The clock of Redis. KEYS[1]: any key: the server that holds it is asked. Returns microseconds since 1970, as text.
return string.format('%.0f', now_us())
