"""Changing Azure through Resource Manager, signed in as the identity that may write.

The token goes to the endpoint named and nowhere else, and only over TLS or on this machine. What
is denied names its action as roles name it.
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from watermaster.act.verbs import PlatformError
from watermaster.model.acts import TargetSpec
from watermaster.model.errors import BadResourceError, NotAllowedError, NotFoundError

PUBLIC: Final = "https://management.azure.com"
TRIES: Final = 5
WAIT_S: Final = 1.0  # before the second try; twice as long before each further one
MOST_WAIT_S: Final = 60.0
TIMEOUT_S: Final = 120.0
TRY_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_DOES: Final = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
Token = Callable[[], str]


class Call(NamedTuple):
    """What is asked; `version` is that of the API."""

    method: str
    path: str
    version: str
    body: Mapping[str, Any] | None = None

    @property
    def action(self) -> str:
        """As roles name it, e.g. Microsoft.Compute/disks/delete."""
        parts = self.path.rpartition("/providers/")[2].split("/")
        does = _DOES.get(self.method)
        kinds = parts[:2] + parts[3::2]
        return "/".join([*kinds, does or "action"])


class Arm:
    """The endpoint, and how to sign in there."""

    def __init__(self, spec: TargetSpec) -> None:
        self.endpoint = spec.options.get("endpoint", PUBLIC).rstrip("/")
        parts = urlsplit(self.endpoint)
        if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _HERE):
            fix = f"write an https:// address, e.g. {PUBLIC}"
            raise BadResourceError("options.endpoint", f"{self.endpoint} would show our token", fix)
        self._token = _token(spec, self.endpoint)

    def ask(self, where: str, call: Call) -> dict[str, Any]:
        """One answer, asked again where that may help; {} where it has no body."""
        address = f"{self.endpoint}{call.path}?api-version={call.version}"
        data = None if call.body is None else json.dumps(call.body).encode()
        for number in range(TRIES):
            headers = {"Authorization": f"Bearer {self._token()}",
                       "Content-Type": "application/json"}  # fmt: skip
            request = urllib.request.Request(address, data, headers, method=call.method)
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                    text = answer.read()
                    return _object(where, json.loads(text)) if text.strip() else {}
            except urllib.error.HTTPError as error:
                if error.code not in TRY_AGAIN or number == TRIES - 1:
                    raise _ours(where, call.action, error) from None
                wait_s = _asked_s(error)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if number == TRIES - 1:
                    what = f"{call.action} got no answer ({type(error).__name__})"
                    raise PlatformError(where, what, "try again") from None
                wait_s = None
            time.sleep(min(MOST_WAIT_S, WAIT_S * 2**number if wait_s is None else wait_s))
        raise PlatformError(where, f"{call.action} was not asked", "try again")

    def find(self, where: str, path: str, version: str) -> dict[str, Any] | None:
        """A resource; None where it is gone."""
        try:
            return self.ask(where, Call("GET", path, version))
        except NotFoundError:
            return None


def writer_of(spec: TargetSpec) -> str:
    """The client id of the identity that may write; BadResourceError where none is named."""
    found = spec.options.get("clientId")
    if not found:
        fix = "name the client id of the identity that may write"
        raise BadResourceError("options.clientId", "no identity that may write", fix)
    return found


def credential_of(spec: TargetSpec) -> Any:
    """Signs in as that identity and as no other: never as a person or by the environment."""
    client = writer_of(spec)
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        fix = "install it: pip install 'watermaster[azure]'"
        raise BadResourceError("type: azure", f"needs azure-identity ({error})", fix) from None
    others = ("environment", "cli", "powershell", "developer_cli", "shared_token_cache",
              "interactive_browser", "visual_studio_code", "broker")  # fmt: skip
    return DefaultAzureCredential(
        managed_identity_client_id=client, workload_identity_client_id=client,
        **{f"exclude_{one}_credential": True for one in others},
    )  # fmt: skip


def _token(spec: TargetSpec, endpoint: str) -> Token:
    if path := spec.options.get("tokenFile"):
        return lambda: _from_file(path)
    credential = credential_of(spec)
    scope = f"{endpoint if endpoint.startswith('https') else PUBLIC}/.default"

    def token() -> str:
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return str(credential.get_token(scope).token)
        except ClientAuthenticationError as error:
            told = str(error).splitlines()[0][:160]
            fix = "check options.clientId: this machine or pod must have that identity"
            raise NotAllowedError("options.clientId", f"cannot sign in ({told})", fix) from None

    return token


def _from_file(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        fix = "name a file that holds the bearer token"
        raise BadResourceError("options.tokenFile", f"{path}: {error.strerror}", fix) from None


def _object(where: str, answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise PlatformError(where, "the answer is no object", "try again")
    return answer


def _ours(where: str, action: str, error: urllib.error.HTTPError) -> Exception:
    try:
        told = json.load(error)["error"]["code"]
    except (ValueError, KeyError, TypeError, OSError):
        told = error.reason
    if error.code in {401, 403}:
        grant = f"grant {action}: see the roles in watermaster/act/roles"
        return NotAllowedError(where, f"may not {action} ({told})", grant)
    if error.code == 404:
        return NotFoundError(where, f"is not there ({told})", "look again: wm sync")
    fix = "mend it there, then try again"
    return PlatformError(where, f"{action} failed ({error.code} {told})", fix)


def _asked_s(error: urllib.error.HTTPError) -> float | None:
    """How long a throttling server asks us to wait."""
    text = error.headers.get("Retry-After") or ""
    return float(text) if text.isdigit() else None
