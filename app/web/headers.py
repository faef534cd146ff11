"""What every answer tells a browser. Pages say more of themselves; HSTS is for whoever has the TLS to say."""

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # an address may hold a session's id
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",  # asks nothing of CORS requests, which AOMI_CORS_ORIGINS admits
    "Cache-Control": "no-store",  # answers hold conversations
}
