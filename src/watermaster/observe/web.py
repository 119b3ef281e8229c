"""A server that speaks JSON over HTTP: asked with care, believed only whole.

Tried again where that may help, never led to another host (a redirect would carry the token
along), never read beyond a bound, and an answer that breaks off is none.
"""

import base64
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.resources import SourceSpec

TRIES: Final = 3
WAIT_S: Final = 0.5  # before the second try; twice as long before the third
TRY_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
MOST_BYTES: Final = 256 << 20
FORM: Final = "application/x-www-form-urlencoded"
WORDS: Final = 300  # characters of a refusal that are told


class AnswerError(BadInputError):
    """A server answered, and refused."""

    def __init__(self, where: str, what: str, fix: str, status: int) -> None:
        super().__init__(where, what, fix)
        self.status = status


@dataclass(frozen=True, slots=True)
class Web:
    """One server: its address, who we are to it, and how long an answer may take."""

    address: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 60.0

    def get(self, path: str, **asked: Any) -> Any:
        """The JSON at a path below the address."""
        told = {key: value for key, value in asked.items() if value is not None}
        query = f"?{urllib.parse.urlencode(told, doseq=True)}" if told else ""
        return self._ask(f"{path}{query}", None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer to a question too long for an address; nothing is changed by it."""
        return self._ask(path, json.dumps(body).encode())

    def stream(self, path: str) -> http.client.HTTPResponse:
        """The bytes at a path, to be read block by block and closed; asked once."""
        request = urllib.request.Request(f"{self.address}{path}", headers=dict(self.headers))
        try:
            answer: http.client.HTTPResponse = _OPENER.open(request, timeout=self.timeout_s)
        except urllib.error.HTTPError as error:
            raise self._refused(path, error) from None
        return answer

    def form(self, path: str, fields: Mapping[str, str]) -> Any:
        """The JSON answer to the fields of a form."""
        return self._ask(path, urllib.parse.urlencode(fields).encode(), FORM)

    def _ask(self, path: str, body: bytes | None, kind: str = "application/json") -> Any:
        headers = {"Accept": "application/json", **self.headers}
        if body is not None:
            headers["Content-Type"] = kind
        request = urllib.request.Request(f"{self.address}{path}", body, headers)
        for number in range(TRIES):
            try:
                with _OPENER.open(request, timeout=self.timeout_s) as answer:
                    return self._read(path, answer)
            except urllib.error.HTTPError as error:
                if error.code not in TRY_AGAIN or number == TRIES - 1:
                    raise self._refused(path, error) from None
            except (OSError, http.client.HTTPException) as error:
                if number == TRIES - 1:
                    reason = getattr(error, "reason", None) or str(error) or type(error).__name__
                    what = f"cannot be reached ({reason}), {TRIES} times"
                    fix = "start it, or mend the location of the source"
                    raise BadInputError(self.where(path), what, fix) from None
            time.sleep(WAIT_S * 2**number)
        raise AssertionError  # the last try returns or raises

    def _read(self, path: str, answer: http.client.HTTPResponse) -> Any:
        text = answer.read(MOST_BYTES + 1)
        if answer.length and len(text) <= MOST_BYTES:  # a bounded read does not notice
            raise http.client.HTTPException("its answer breaks off")
        if len(text) > MOST_BYTES:
            what = f"answers more than {MOST_BYTES >> 20} MiB at once"
            raise BadInputError(self.where(path), what, "ask its operators")
        try:
            return json.loads(text)
        except ValueError:
            what = f"answers no JSON but {text[:40]!r}"
            fix = "give the address of the server itself, not of its sign-in page"
            raise BadInputError(self.where(path), what, fix) from None

    def _refused(self, path: str, error: urllib.error.HTTPError) -> AnswerError:
        said = _said(error)
        if error.code in {401, 403}:
            what = f"does not let us in ({error.code}{said})"
            fix = "give it a token that may read this"
            return AnswerError(self.where(path), what, fix, error.code)
        what = f"answers {error.code}{said}"
        return AnswerError(self.where(path), what, "ask its operators", error.code)

    def where(self, path: str = "") -> str:
        """The address people may see: without what stands before the @ or behind the ?."""
        parts = urllib.parse.urlsplit(f"{self.address}{path}")
        host = parts.netloc.rpartition("@")[2]
        return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is told, not followed."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirect)


def web_of(source: SourceSpec, variables: Mapping[str, str]) -> Web:
    """The server of a source, its credentials from the environment or a file.

    variables: the usual names of `token`, `user` and `password`, which the options tokenEnv,
    userEnv, passwordEnv and tokenFile replace.
    """
    address, options = source.location.rstrip("/"), source.options
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        fix = "write http://HOST:PORT or https://HOST/PREFIX"
        raise BadResourceError("location", f"{address} is no web address", fix)
    if parts.username or parts.password:
        fix = "take them out of the address and into the environment"
        raise BadResourceError("location", "holds credentials", fix)
    try:
        timeout_s = float(options.get("timeoutSeconds", "60"))
    except ValueError:
        what = f"{options['timeoutSeconds']} is no number"
        raise BadResourceError("options.timeoutSeconds", what, "write seconds") from None
    return Web(address, _credentials(options, variables), timeout_s)


def _credentials(options: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    held = {
        name: os.environ.get(options.get(f"{name}Env", variables.get(name, "")), "")
        for name in ("token", "user", "password")
    }
    if (named := options.get("tokenEnv")) and not held["token"]:
        fix = "set it where wm sync and wm serve run"
        raise BadResourceError("options.tokenEnv", f"{named} is not set", fix)
    if path := options.get("tokenFile"):
        try:
            held["token"] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            fix = "name a file that holds the token"
            raise BadResourceError("options.tokenFile", f"{path}: {error.strerror}", fix) from None
    if held["token"]:
        return {"Authorization": f"Bearer {held['token']}"}
    if held["user"]:
        pair = f"{held['user']}:{held['password']}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _said(error: urllib.error.HTTPError) -> str:
    """What the server says about its refusal, in few words."""
    try:
        text = error.read(MOST_BYTES).decode("utf-8", "replace")
        held = json.loads(text)
        said = held.get("message") or held.get("error") or held.get("msg") or error.reason
    except (ValueError, AttributeError, OSError, http.client.HTTPException):
        said = error.reason
    return f": {' '.join(str(said).split())[:WORDS]}" if said else ""
