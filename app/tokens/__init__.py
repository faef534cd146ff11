"""Users' tokens: JWTs of an OpenID Connect issuer, or of one secret. No Redis, no request."""
