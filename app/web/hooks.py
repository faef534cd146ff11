"""The hooks that every request passes before its view, and every response after it, in one order.

Before the view, from the first hook to the last:

1. `request_ids`: everything later logs and traces under this id.
2. `access_log`: starts the clock.
3. `request_spans`: opens the span; the hooks below are part of the traced request.
4. `cors`: answers preflight requests, which carry no key and are not counted.
5. `body_limit`: before anything reads the body.
6. `rate_limits`: refuses before `users` and `session_auth` read the session from Redis. (With owners, the limit of a
   session counts behind the check of `users`.)
7. `users`: with owners, refuses requests without a user, and those to a stranger's session.
8. `session_auth`: refuses requests to a session without its app's key.

After the view Flask runs them in reverse order, whether a view or a hook responded: `cors` and `security_headers` add
headers, `request_spans` and `access_log` record the status, `request_ids` adds the id.
"""

from __future__ import annotations

from flask import Flask

from app.web import access_log, body_limit, cors, error_handlers, request_ids, request_spans, security_headers
from app.web.access import rate_limits, session_auth, users

HOOKS = (request_ids, access_log, request_spans, security_headers, cors, body_limit, rate_limits, users, session_auth)


def register(app: Flask) -> None:
    """Add all of them to `app`, and answer every error in the documented form."""
    error_handlers.register(app)
    for hook in HOOKS:
        hook.register(app)
