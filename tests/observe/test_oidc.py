"""What a provider of identities says is believed only where it is its word, to us, of now."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from watermaster.model.config import SignIn
from watermaster.model.errors import NotSignedInError, WatermasterError
from watermaster.observe import oidc

NONCE = "n-0123456789"


class Provider:
    """A real HTTP server with keys and claims that a test changes."""

    def __init__(self):
        self.keys = [ECKey.generate_key("P-256", {"kid": "first", "alg": "ES256"})]
        self.asked, self.more = [], {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                told = outer.answers().get(self.path)
                body = json.dumps(told).encode()
                self.send_response(200 if told is not None else 404)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answers(self):
        told = {"issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/a?p=1",
                "token_endpoint": f"{self.issuer}/t", "jwks_uri": f"{self.issuer}/k"}  # fmt: skip
        keys = [key.as_dict(private=False) for key in self.keys if not isinstance(key, OctKey)]
        return {"/.well-known/openid-configuration": told | self.more,
                "/k": {"keys": [{"kty": "new-kind"}, *keys]}}  # fmt: skip

    def spec(self):
        return SignIn(issuer=self.issuer, client_id="wm", public_url="https://wm.example")

    def claims(self, **changes):
        now = int(time.time())
        told = {"iss": self.issuer, "aud": "wm", "sub": "1", "iat": now, "exp": now + 60,
                "nonce": NONCE} | changes  # fmt: skip
        return {name: value for name, value in told.items() if value is not None}

    def signed(self, key=None, alg="ES256", kid=None):
        key = key or self.keys[0]
        header = {"alg": alg} | ({"kid": kid or key.kid} if (kid or key.kid) else {})
        return jwt.encode(header, self.claims(), key, algorithms=[alg])


@pytest.fixture
def provider(monkeypatch):
    monkeypatch.setattr(oidc, "_KNOWN", {})
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_token_of_the_provider_is_believed(provider):
    claims = oidc.signed_claims(provider.spec(), provider.signed())
    oidc.check_claims(provider.spec(), claims, NONCE, time.time())
    assert claims["sub"] == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"}, {"iss": None}, {"aud": "other"}, {"aud": ["other"]},
        {"aud": ["wm", "other"]}, {"aud": ["wm", "other"], "azp": "other"}, {"azp": "other"},
        {"nonce": "another"}, {"nonce": None}, {"sub": None}, {"sub": ""}, {"sub": 7},
        {"exp": 1}, {"exp": None}, {"exp": "tomorrow"}, {"iat": None}, {"iat": 1},
        {"iat": 9e12}, {"nbf": 9e12},
    ],
)  # fmt: skip
def test_a_claim_that_is_not_as_it_should_be_lets_nobody_in(provider, wrong):
    with pytest.raises(NotSignedInError):
        oidc.check_claims(provider.spec(), provider.claims(**wrong), NONCE, time.time())


@pytest.mark.parametrize("apart_s", [-110, 110])
def test_clocks_may_stand_two_minutes_apart(provider, apart_s):
    claims = provider.claims(exp=int(time.time()) + 1)
    oidc.check_claims(provider.spec(), claims, NONCE, time.time() + apart_s)
    with pytest.raises(NotSignedInError):
        oidc.check_claims(provider.spec(), claims, NONCE, time.time() + 3 * apart_s)


def test_a_token_signed_by_nobody_or_by_somebody_else_is_not_believed(provider):
    spec = provider.spec()
    stranger = ECKey.generate_key("P-256", {"kid": "first"})
    head, body, _ = provider.signed().split(".")
    none = jws.serialize_compact({"alg": "HS256"}, b"{}", OctKey.generate_key(256)).split(".")
    public = json.dumps(provider.keys[0].as_dict(private=False)).encode()
    confused = jwt.encode({"alg": "HS256", "kid": "first"}, provider.claims(),
                          OctKey.import_key(public), algorithms=["HS256"])  # fmt: skip
    unsigned = "eyJhbGciOiJub25lIn0." + body + "."
    tampered = f"{head}.{body[:-2]}AA.{provider.signed().split('.')[2]}"
    for token in (provider.signed(stranger), ".".join(none), confused, unsigned, tampered,
                  "", ".", "a.b.c", "e30.e30.", head):  # fmt: skip
        with pytest.raises(NotSignedInError):
            oidc.signed_claims(spec, token)


def test_a_new_key_of_the_provider_is_learnt_and_an_old_one_forgotten(provider, monkeypatch):
    spec, old = provider.spec(), provider.keys[0]
    assert oidc.signed_claims(spec, provider.signed())
    provider.keys = [RSAKey.generate_key(2048, {"kid": "second"})]
    monkeypatch.setattr(oidc, "KEYS_AGAIN_S", 0)
    assert oidc.signed_claims(spec, provider.signed(alg="RS256"))
    with pytest.raises(NotSignedInError):
        oidc.signed_claims(spec, provider.signed(old))


def test_made_up_tokens_do_not_make_us_ask_the_provider_again_and_again(provider):
    spec = provider.spec()
    stranger = ECKey.generate_key("P-256")
    for number in range(50):
        with pytest.raises(NotSignedInError):
            oidc.signed_claims(spec, provider.signed(stranger, kid=f"k{number}"))
    assert provider.asked.count("/k") == 1


@pytest.mark.parametrize(
    "wrong", [{"issuer": "https://other"}, {"token_endpoint": None}, {"jwks_uri": "file:///etc"}]
)
def test_a_provider_that_is_not_who_it_should_be_is_not_asked(provider, wrong):
    provider.more = wrong
    with pytest.raises(NotSignedInError):
        oidc.provider_of(provider.spec())


def test_a_provider_that_is_away_is_told_in_words():
    spec = SignIn(issuer="http://127.0.0.1:1", client_id="wm", public_url="https://wm.example")
    with pytest.raises(WatermasterError, match="provider of identities cannot be reached"):
        oidc.provider_of(spec)
