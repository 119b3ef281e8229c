"""Who somebody is, as a provider of identities tells it: OpenID Connect Core 1.0, code and PKCE.

What a provider says is believed only where it is signed by one of its keys, for us, about this
very sign-in, and of now. Keys are asked for again when a token names one that is not known, so
that a provider may change them; not more often than every KEYS_AGAIN_S seconds, so that nobody
makes us ask by sending made-up tokens.
"""

import base64
import hashlib
import json
import secrets
import time
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from watermaster.model.config import SignIn
from watermaster.model.errors import BadInputError, NotSignedInError, WatermasterError
from watermaster.observe.web import Web

WHERE: Final = "sign-in"
SKEW_S: Final = 120  # how far clocks may stand apart
OLDEST_S: Final = 600  # an id token is used at once; one older was kept by somebody
DISCOVERY_S: Final = 3600
KEYS_AGAIN_S: Final = 10
TIMEOUT_S: Final = 10.0
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                     "ES512", "EdDSA", "Ed25519")  # fmt: skip
Key = RSAKey | ECKey | OKPKey
KINDS: Final[Mapping[str, type[Key]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}  # never shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What a provider tells of itself."""

    issuer: str
    authorize: str
    token: str
    keys: str
    userinfo: str | None
    leave: str | None  # where a person is signed out of the provider too
    post_secret: bool  # it takes the client's secret only among the fields of a form
    names_itself: bool  # RFC 9207: it says in its answer who answers


@dataclass
class _Known:
    """What was asked of a provider, and when."""

    provider: Provider
    asked_s: float
    keys: list[Key] = field(default_factory=list)
    keys_asked_s: float = float("-inf")


_KNOWN: Final[dict[str, _Known]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What ties an answer to the browser that asked; each is used once."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a provider says of somebody."""

    subject: str
    claims: Mapping[str, Any]
    id_token: str = field(repr=False)


def new_secrets() -> Secrets:
    """Of 256 bits and more each."""
    return Secrets(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
    )


def provider_of(spec: SignIn) -> Provider:
    """The provider as it describes itself, asked once an hour."""
    held = _KNOWN.get(spec.issuer)
    if held is None or time.monotonic() - held.asked_s > DISCOVERY_S:
        fresh = _Known(_discovered(spec), time.monotonic())
        if held is not None and held.provider == fresh.provider:
            fresh.keys, fresh.keys_asked_s = held.keys, held.keys_asked_s
        held = _KNOWN[spec.issuer] = fresh
    return held.provider


def where_to(spec: SignIn, made: Secrets, back: str) -> str:
    """The address a browser is sent to, to sign in there."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(made.verifier.encode()).digest())
    asked = {
        "response_type": "code",
        "client_id": spec.client_id,
        "redirect_uri": back,
        "scope": " ".join(spec.scopes),
        "state": made.state,
        "nonce": made.nonce,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return _with_query(provider_of(spec).authorize, asked)


def where_out(spec: SignIn, id_token: str | None, back: str) -> str | None:
    """Where somebody is signed out of the provider too, if it has such a place."""
    leave = provider_of(spec).leave
    if leave is None:
        return None
    asked = {"client_id": spec.client_id, "post_logout_redirect_uri": back}
    return _with_query(leave, asked | ({"id_token_hint": id_token} if id_token else {}))


def exchange(spec: SignIn, code: str, back: str, made: Secrets, secret: str | None) -> Told:
    """What the provider tells for a code; NotSignedInError where it is not to be believed."""
    provider = provider_of(spec)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": back,
              "code_verifier": made.verifier, "client_id": spec.client_id}  # fmt: skip
    headers = {}
    if secret and provider.post_secret:
        fields["client_secret"] = secret
    elif secret:
        pair = f"{urllib.parse.quote_plus(spec.client_id)}:{urllib.parse.quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    answer = _asked(lambda: Web(provider.token, headers, TIMEOUT_S).form("", fields))
    id_token = answer.get("id_token")
    if not isinstance(id_token, str):
        raise _unbelieved("the provider told no id token")
    claims = signed_claims(spec, id_token)
    check_claims(spec, claims, made.nonce, time.time())
    _check_hash(claims, answer.get("access_token"))
    if not {spec.name_claim, spec.groups_claim} <= claims.keys() and provider.userinfo:
        claims = _more(provider.userinfo, answer.get("access_token"), claims) | claims
    return Told(subject=str(claims["sub"]), claims=claims, id_token=id_token)


def signed_claims(spec: SignIn, id_token: str) -> dict[str, Any]:
    """What a token says, once one of the provider's keys is found to have signed it."""
    try:
        header = json.loads(_decoded(id_token.split(".", maxsplit=1)[0]))
        algorithm, kid = header["alg"], header.get("kid")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _unbelieved("its id token is none") from None
    if algorithm not in ALGORITHMS:
        raise _unbelieved(f"its id token is signed with {str(algorithm)[:20]!r}")
    for is_again in (False, True):
        for key in _keys(spec, kid, again=is_again):
            try:
                held = jws.deserialize_compact(id_token, key, algorithms=[algorithm])
                claims = json.loads(held.payload)
            except (JoseError, ValueError):
                continue
            if isinstance(claims, dict):
                return claims
    raise _unbelieved("none of its keys signed the id token")


def check_claims(spec: SignIn, claims: Mapping[str, Any], nonce: str, now_s: float) -> None:
    """NotSignedInError unless it is this provider's word to us, about this sign-in, of now."""
    audience = claims.get("aud")
    to = audience if isinstance(audience, list) else [audience]
    checks = {
        "it is from another issuer": claims.get("iss") == spec.issuer,
        "it is for another client": spec.client_id in to,
        "it was made for another party": claims.get("azp", spec.client_id) == spec.client_id
        and (len(to) == 1 or "azp" in claims),
        "it names nobody": isinstance(claims.get("sub"), str) and 0 < len(claims["sub"]) <= 255,
        "it is over": now_s < _seconds(claims, "exp", float("-inf")) + SKEW_S,
        "it is of the future": max(
            _seconds(claims, "iat", float("inf")), _seconds(claims, "nbf", float("-inf"))
        ) < now_s + SKEW_S,
        "it is old": _seconds(claims, "iat", float("-inf")) > now_s - OLDEST_S - SKEW_S,
        "it answers another sign-in": secrets.compare_digest(
            str(claims.get("nonce", "")).encode(), nonce.encode()
        ),
    }  # fmt: skip
    wrong = [what for what, holds in checks.items() if not holds]
    if wrong:
        raise _unbelieved(f"its id token is not to be believed ({wrong[0]})")


def _check_hash(claims: Mapping[str, Any], access_token: object) -> None:
    """Where the token tells the hash of the access token, it is that of ours."""
    told = claims.get("at_hash")
    if told is None or not isinstance(access_token, str):
        return
    # made with the hash of the signing algorithm: half of it
    for name in ("sha256", "sha384", "sha512"):
        digest = hashlib.new(name, access_token.encode()).digest()
        half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
        if secrets.compare_digest(half.encode(), str(told).encode()):
            return
    raise _unbelieved("its access token is of another sign-in")


def _more(address: str, access_token: object, claims: Mapping[str, Any]) -> dict[str, Any]:
    """What the provider tells of the same person when asked for more."""
    headers = {"Authorization": f"Bearer {access_token}"}
    told = _asked(lambda: Web(address, headers, TIMEOUT_S).get(""))
    if told.get("sub") != claims.get("sub"):
        raise _unbelieved("it tells of somebody else when asked for more")
    return told


def _discovered(spec: SignIn) -> Provider:
    address = spec.issuer.rstrip("/")
    told = _asked(lambda: Web(address, {}, TIMEOUT_S).get("/.well-known/openid-configuration"))
    if told.get("issuer") != spec.issuer:
        raise _unbelieved(f"it calls itself {str(told.get('issuer'))[:100]!r}, not {spec.issuer!r}")
    methods = told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Provider(
        issuer=spec.issuer,
        authorize=_place(spec, told, "authorization_endpoint") or "",
        token=_place(spec, told, "token_endpoint") or "",
        keys=_place(spec, told, "jwks_uri") or "",
        userinfo=_place(spec, told, "userinfo_endpoint", is_needed=False),
        leave=_place(spec, told, "end_session_endpoint", is_needed=False),
        post_secret="client_secret_basic" not in methods,
        names_itself=told.get("authorization_response_iss_parameter_supported") is True,
    )


def _place(
    spec: SignIn, told: Mapping[str, Any], name: str, *, is_needed: bool = True
) -> str | None:
    found = told.get(name)
    if found is None and not is_needed:
        return None
    is_plain = spec.issuer.startswith("http://")  # then it is on this machine
    kinds = ("https://", "http://") if is_plain else ("https://",)
    if not isinstance(found, str) or not found.startswith(kinds):
        raise _unbelieved(f"it tells no safe {name}")
    return found


def _keys(spec: SignIn, kid: object, *, again: bool) -> list[Key]:
    """The provider's keys that may have signed; asked for again where none is known by the id."""
    provider_of(spec)
    held = _KNOWN[spec.issuer]
    found = [key for key in held.keys if kid is None or key.kid == kid]
    is_due = time.monotonic() - held.keys_asked_s >= KEYS_AGAIN_S
    if (again or not found) and is_due:
        held.keys = list(_read_keys(_asked(lambda: Web(held.provider.keys, {}, TIMEOUT_S).get(""))))
        held.keys_asked_s = time.monotonic()
        found = [key for key in held.keys if kid is None or key.kid == kid]
    return found


def _read_keys(told: Mapping[str, Any]) -> Iterable[Key]:
    listed = told.get("keys")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("kty") in KINDS and one.get("use", "sig") == "sig":
            try:
                yield KINDS[one["kty"]].import_key(one)
            except (JoseError, ValueError, TypeError):
                continue  # of a kind this version does not know


def _asked(ask: Any) -> dict[str, Any]:
    try:
        told = ask()
    except BadInputError as error:
        raise WatermasterError(
            WHERE, f"the provider of identities {error.what}", "try again in a minute"
        ) from None
    if not isinstance(told, dict):
        raise _unbelieved("it answers no object")
    return told


def _unbelieved(what: str) -> NotSignedInError:
    return NotSignedInError(WHERE, what, "sign in again; tell an administrator if it stays")


def _seconds(claims: Mapping[str, Any], name: str, missing: float) -> float:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) else missing


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _with_query(address: str, asked: Mapping[str, str]) -> str:
    sign = "&" if urllib.parse.urlsplit(address).query else "?"
    return f"{address}{sign}{urllib.parse.urlencode(asked)}"
