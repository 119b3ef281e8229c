"""Azure's control plane over HTTP: Resource Graph and Resource Manager.

Signed in by azure-identity. The token goes to the endpoint named and nowhere else, and only over
TLS or on this machine.
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.resources import SourceSpec

PUBLIC: Final = "https://management.azure.com"
TRIES: Final = 5
WAIT_S: Final = 1.0  # before the second try; twice as long before each further one
MOST_WAIT_S: Final = 60.0  # however long the server asks for
TIMEOUT_S: Final = 120.0
TRY_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
GRAPH: Final = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"
PAGE: Final = 1_000
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
Token = Callable[[], str]


class UnreadError(Exception):
    """The control plane did not tell; the reason names what to grant or to mend."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


class Arm:
    """The endpoint, and how to sign in there."""

    def __init__(self, endpoint: str, token: Token, tries: int) -> None:
        self.endpoint, self.token, self.tries = endpoint, token, tries

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One answer, asked again where that may help; UnreadError where there is none."""
        address = path if path.startswith("http") else f"{self.endpoint}{path}"
        if not address.startswith(f"{self.endpoint}/"):
            raise UnreadError(f"{urlsplit(address).netloc} is another server: not followed")
        data = None if body is None else json.dumps(body).encode()
        for number in range(self.tries):
            is_last = number == self.tries - 1
            headers = {"Authorization": f"Bearer {self.token()}",
                       "Content-Type": "application/json"}  # fmt: skip
            request = urllib.request.Request(address, data, headers)
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                    return _object(json.load(answer))
            except urllib.error.HTTPError as error:
                if error.code not in TRY_AGAIN or is_last:
                    raise _refused(error) from None
                wait_s = _asked_s(error)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if is_last:
                    raise UnreadError(f"does not answer ({_short(error)}); try again") from None
                wait_s = None
            time.sleep(min(MOST_WAIT_S, WAIT_S * 2**number if wait_s is None else wait_s))
        raise UnreadError("was not asked: options.tries must be 1 or more")

    def graph(self, query: str, subscriptions: list[str]) -> Iterator[dict[str, Any]]:
        """All rows of a Resource Graph query; UnreadError where less came than was promised."""
        options: dict[str, Any] = {"$top": PAGE, "resultFormat": "objectArray"}
        count = 0
        while True:
            told = {"query": query, "subscriptions": subscriptions, "options": options}
            page = self.ask(GRAPH, told)
            if not isinstance(page.get("data"), list):
                raise UnreadError("the answer holds no data: try again")
            for row in page["data"]:
                count += 1
                yield row
            token = page.get("$skipToken")
            if not token:
                break
            if token == options.get("$skipToken"):
                raise UnreadError("Resource Graph told the same page twice: try again")
            options = options | {"$skipToken": token}
        total = page.get("totalRecords", count)
        if total != count or str(page.get("resultTruncated", "false")).lower() == "true":
            raise UnreadError(f"Resource Graph told {count} of {total} resources: try again")

    def list(self, path: str) -> Iterator[dict[str, Any]]:
        """All things of a Resource Manager list, page by page."""
        seen = set()
        while path:
            if path in seen:
                raise UnreadError("a list told the same page twice: try again")
            seen.add(path)
            page = self.ask(path)
            if not isinstance(page.get("value"), list):
                raise UnreadError("the answer holds no list: try again")
            yield from page["value"]
            path = page.get("nextLink") or ""


def arm_of(source: SourceSpec) -> Arm:
    """As a source says: options endpoint, tokenFile and tries."""
    options = source.options
    endpoint = options.get("endpoint", PUBLIC).rstrip("/")
    parts = urlsplit(endpoint)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _HERE):
        fix = f"write an https:// address, e.g. {PUBLIC}"
        raise BadResourceError("options.endpoint", f"{endpoint} would show our token", fix)
    tries = options.get("tries", str(TRIES))
    if not tries.isdigit() or int(tries) < 1:
        raise BadResourceError("options.tries", f"{tries!r} is no number of tries", "write 1 to 9")
    return Arm(endpoint, _token(source, endpoint), int(tries))


def _token(source: SourceSpec, endpoint: str) -> Token:
    if path := source.options.get("tokenFile"):
        return lambda: _from_file(path)
    try:
        from azure.core.exceptions import ClientAuthenticationError
        from azure.identity import CredentialUnavailableError, DefaultAzureCredential
    except ImportError as error:
        fix = "install it: pip install 'watermaster[azure]'"
        raise BadInputError(source.location, f"needs azure-identity ({error})", fix) from None
    scope = f"{endpoint if endpoint.startswith('https') else PUBLIC}/.default"
    credential = DefaultAzureCredential()

    def token() -> str:
        try:
            return credential.get_token(scope).token
        except (ClientAuthenticationError, CredentialUnavailableError) as error:
            told = str(error).splitlines()[0][:160]
            fix = "check it: az account get-access-token must answer"
            raise BadInputError(source.location, f"cannot be signed in to ({told})", fix) from None

    return token


def _from_file(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        fix = "name a file that holds the bearer token"
        raise BadResourceError("options.tokenFile", f"{path}: {error.strerror}", fix) from None


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise UnreadError("the answer is no object: try again")
    return answer


def _refused(error: urllib.error.HTTPError) -> UnreadError:
    try:
        told = json.load(error)["error"]["code"]
    except (ValueError, KeyError, TypeError, OSError):
        told = error.reason
    if error.code in {401, 403}:
        return UnreadError(f"may not be read ({told}): grant the role Reader", error.code)
    return UnreadError(f"failed ({error.code} {told}); try again", error.code)


def _asked_s(error: urllib.error.HTTPError) -> float | None:
    """How long a throttling server asks us to wait."""
    text = error.headers.get("Retry-After") or ""
    return float(text) if text.isdigit() else None


def _short(error: Exception) -> str:
    return " ".join(str(getattr(error, "reason", None) or error).split())[:160]
