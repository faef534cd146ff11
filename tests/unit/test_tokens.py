"""Tokens: whom they admit, what they are refused for, and how the issuer's keys come and go."""

from __future__ import annotations

import base64
import json
import threading
import time
from decimal import Decimal

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from app.config import Settings
from app.errors import NotReady
from app.tokens import issuer as issuers
from app.tokens.issuer import Issuer
from app.tokens.user import User
from app.tokens.verifier import BadToken, Verifier, has_form
from tests.support.patience import until
from tests.support.servers import answer_json, serving

SECRET = "a secret of 32 bytes, or of more"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def claims(**more):
    named = {"sub": "alice", "exp": time.time() + 1e6, "aud": "aomi"} | more
    return {name: value for name, value in named.items() if value is not None}


def settings(**more):
    return Settings(_env_file=None, **({"jwt_secret": SECRET, "oidc_audience": "aomi"} | more))


def signed(key=SECRET, algorithm="HS256", headers=None, **more):
    return jwt.encode(claims(**more), key, algorithm, headers)


def by_hand(header, body):
    parts = (json.dumps(part).encode() for part in (header, body))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def test_a_token_of_the_secret_names_its_user_and_what_it_allows():
    token = signed(
        exp=2_000_000_000, aomi_apps=["shop"], aomi_budget="2.5", aomi_requests_per_minute=9, aomi_running_turns=0
    )
    user = Verifier(settings()).user(token)
    assert user == User("alice", 2_000_000_000, ("shop",), Decimal("2.5"), 9, 0)
    assert user.allows("shop")
    assert not user.allows("other")
    renamed = Verifier(settings(claim_apps="scope", claim_budget="money"))
    assert renamed.user(signed(scope="shop other", money=1)).apps == ("shop", "other")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: signed(exp=time.time() - 31), "has expired"),
        (lambda: signed(nbf=time.time() + 1e6), "not valid yet"),
        (lambda: signed(aud="another"), "another audience"),
        (lambda: signed(aud=None), "lacks the claim 'aud'"),
        (lambda: signed(exp=None), "lacks the claim 'exp'"),
        (lambda: signed(sub=None), "lacks the claim 'sub'"),
        (lambda: signed(sub=""), "'sub' must be"),
        (lambda: signed(sub="a" * 256), "'sub' must be"),
        (lambda: signed(sub="a\ud800"), "'sub' must be"),
        (lambda: signed("another secret of 32 bytes or more"), "signature is not valid"),
        (lambda: signed(2 * SECRET, "HS512"), "must be signed by HS256"),
        (lambda: signed(RSA_KEY, "RS256"), "must be signed by HS256"),
        (lambda: by_hand({"alg": "none"}, claims()), "must be signed by HS256"),
        (lambda: by_hand({"alg": "None"}, claims()), "must be signed by HS256"),
        (lambda: signed(headers={"crit": ["exp"]}), "no JWT"),
        (lambda: signed(exp=float("inf")), "not valid"),
        (lambda: signed(aomi_budget="much"), "'aomi_budget' must be US\\$"),
        (lambda: signed(aomi_budget=-1), "'aomi_budget' must be US\\$"),
        (lambda: signed(aomi_apps={"shop": 1}), "'aomi_apps' must be a list"),
        (lambda: signed(aomi_running_turns=True), "'aomi_running_turns' must be a whole number"),
        (lambda: signed(aomi_requests_per_minute=1.5), "must be a whole number"),
        (lambda: "no.token.here", "no JWT"),
        (lambda: signed(padding="x" * 9000), "at most 8,192"),
    ],
)
def test_a_token_is_refused_with_the_reason_and_without_its_content(made, reason):
    with pytest.raises(BadToken, match=reason) as refused:
        Verifier(settings()).user(made())
    assert "alice" not in str(refused.value)


def test_clocks_may_differ_a_little():
    assert Verifier(settings()).user(signed(exp=time.time() - 5, iat=time.time() + 5)).sub == "alice"


def test_without_an_audience_every_token_of_the_secret_counts():
    assert Verifier(settings(oidc_audience="")).user(signed(aud="another")).sub == "alice"
    assert Verifier(settings(oidc_audience="")).user(signed(aud=None)).sub == "alice"
    assert Verifier(settings(oidc_audience="x, aomi")).user(signed()).sub == "alice"


def test_a_token_that_was_checked_is_not_checked_again_and_expires_all_the_same(monkeypatch):
    now = [1_000_000_000.0 + 10**9]
    verifier = Verifier(settings(), lambda: now[0])
    token = signed(exp=now[0] + 100)
    verifier.user(token)
    monkeypatch.setattr(jwt, "decode", lambda *_, **__: pytest.fail("it was checked again"))
    assert verifier.user(token).sub == "alice"
    now[0] += 131
    with pytest.raises(BadToken, match="expired"):
        verifier.user(token)


@pytest.mark.parametrize(
    ("text", "is_one"), [("a.b.c", True), ("a.b.", True), ("aomi_0123456789abcdef", False), ("a.b", False), ("", False)]
)
def test_the_form_tells_a_token_from_an_api_key(text, is_one):
    assert has_form(text) == is_one


# An issuer


class Site:
    """An issuer: its keys, what was asked, and whether it is away."""

    def __init__(self):
        self.keys = [jwk(RSA_KEY, "one")]
        self.fetches = 0
        self.is_away = False
        self.url = ""
        self.held = None

    def handle(self, request):
        if self.held:
            self.held.wait(10)
        if self.is_away:
            answer_json(request, 503, {})
        elif request.path.endswith("/openid-configuration"):
            self.fetches += 1
            answer_json(request, 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        else:
            answer_json(request, 200, {"keys": self.keys})


def jwk(key, kid, **more):
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    algorithm = next((kinds[kind] for kind in kinds if isinstance(key, kind)), OKPAlgorithm)
    return algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "use": "sig"} | more


@pytest.fixture
def site():
    site = Site()
    with serving(site.handle) as url:
        site.url = url
        yield site


@pytest.fixture
def verifier(site):
    return Verifier(settings(jwt_secret=None, oidc_issuer=site.url))


def of(site, key=RSA_KEY, algorithm="RS256", kid="one", **more):
    return signed(key, algorithm, {"kid": kid} if kid else None, iss=more.pop("iss", site.url), **more)


def test_tokens_of_an_issuer_are_checked_by_its_keys_which_are_read_once(site, verifier):
    site.keys += [
        jwk(EC_KEY, "two"),
        jwk(ED_KEY, "three"),
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        "nonsense",
    ]
    assert site.fetches == 0
    assert verifier.user(of(site)).sub == "alice"
    assert verifier.user(of(site, EC_KEY, "ES256", "two")).sub == "alice"
    assert verifier.user(of(site, ED_KEY, "EdDSA", "three")).sub == "alice"
    assert verifier.user(of(site, kid="")).sub == "alice"
    assert site.fetches == 1


def test_a_key_signs_by_its_own_algorithms_alone(site, verifier):
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    site.keys = [jwk(RSA_KEY, "one", alg="RS512"), jwk(EC_KEY, "two", use="enc"), jwk(short, "short")]
    header = {"alg": "HS256", "typ": "JWT", "kid": "one"}
    wrong = [
        of(site),
        of(site, EC_KEY, "ES256", "two"),
        of(site, iss="http://another.example"),
        of(site, short, kid="short"),
        jwt.api_jws.PyJWS(["HS256"], {"enforce_minimum_key_length": False}).encode(
            json.dumps(claims(iss=site.url)).encode(), SECRET, "HS256", header
        ),
    ]
    for token in wrong:
        with pytest.raises(BadToken):
            verifier.user(token)
    assert verifier.user(of(site, algorithm="RS512")).sub == "alice"


def test_the_public_key_is_no_secret_of_hs256(site, verifier):
    """The classic confusion: a token that the public key, which all may read, has signed as if it were a secret."""
    import hashlib
    import hmac

    head = by_hand({"alg": "HS256", "kid": "one"}, claims(iss=site.url)).rstrip(".")
    made = base64.urlsafe_b64encode(hmac.digest(PUBLIC_PEM, head.encode(), hashlib.sha256)).decode().rstrip("=")
    with pytest.raises(BadToken, match="must be signed by RS256"):
        verifier.user(f"{head}.{made}")


def test_a_new_key_is_read_when_a_token_names_it_but_the_issuer_is_not_flooded(site, monkeypatch):
    now = [0.0]
    issuer = Issuer(site.url, lambda: now[0])
    assert issuer.keys("one", "RS256")
    site.keys = [jwk(EC_KEY, "two")]
    for kid in ("x", "y", "two"):
        assert not issuer.keys(kid, "ES256")
    assert site.fetches == 1
    now[0] += issuers.PAUSE_SECONDS
    assert issuer.keys("two", "ES256")
    assert not issuer.keys("one", "RS256"), "the old key is gone"
    assert site.fetches == 2


def test_old_keys_count_while_the_issuer_is_away_and_are_read_again_beside_the_requests(site):
    now = [0.0]
    issuer = Issuer(site.url, lambda: now[0])
    issuer.keys("one", "RS256")
    site.is_away, now[0] = True, issuers.FRESH_SECONDS + 1
    assert issuer.keys("one", "RS256")
    site.is_away, site.keys = False, [jwk(RSA_KEY, "one"), jwk(EC_KEY, "two")]

    def later():
        now[0] += issuers.PAUSE_SECONDS + 1
        return issuer.keys("one", "RS256")

    until(lambda: later() and site.fetches >= 2, what="the second fetch")


def test_a_request_does_not_wait_for_one_that_reads_the_keys(site):
    now = [0.0]
    issuer = Issuer(site.url, lambda: now[0])
    issuer.keys("one", "RS256")
    site.held, now[0] = threading.Event(), issuers.PAUSE_SECONDS + 1
    waiting = threading.Thread(target=lambda: issuer.keys("unknown", "RS256"))
    waiting.start()
    try:
        assert issuer.keys("one", "RS256")
        assert waiting.is_alive()
    finally:
        site.held.set()
        waiting.join()


def test_before_any_key_was_read_it_is_the_issuers_fault(site, verifier):
    site.is_away = True
    with pytest.raises(NotReady):
        verifier.user(of(site))


def test_an_issuer_that_says_it_is_another_one_is_not_believed(site):
    with pytest.raises(NotReady):
        Issuer(f"{site.url}/").keys("one", "RS256")
