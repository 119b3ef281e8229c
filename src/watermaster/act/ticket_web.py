"""Ask a ticket system over HTTP in JSON: signed in, no redirect followed, nothing repeated."""

import base64
import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from watermaster.act.secret import secret_of
from watermaster.model.channels import ChannelSpec
from watermaster.model.errors import NotAllowedError, NotFoundError, WatermasterError

TIMEOUT_S: Final = 20.0
MOST_BYTES: Final = 4 << 20
WORDS: Final = 300
PLAIN: Final = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "User-Agent": "watermaster",
}


@dataclass(frozen=True, slots=True)
class Web:
    """One system: where it is and how to sign in there."""

    spec: ChannelSpec
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def base(self) -> str:
        """The address without a slash at its end."""
        return self.spec.location.rstrip("/")

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What it answers; NotFoundError for 404, NotAllowedError for 401 and 403."""
        place = urlsplit(self.base)
        where = f"{self.spec.type} {place.hostname}"
        sent = None if body is None else json.dumps(body).encode()
        headers = PLAIN | {"Authorization": self._signed_in(where)} | dict(self.headers)
        connection = _connection(place.scheme, place.hostname or "", place.port)
        try:
            connection.request(method, place.path + path, sent, headers)
            answer = connection.getresponse()
            held = answer.read(MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise WatermasterError(
                where, f"was not reached ({error})", "see that it runs"
            ) from None
        finally:
            connection.close()
        return _read(where, method, path, (answer.status, held))

    def _signed_in(self, where: str) -> str:
        secret = secret_of(self.spec.secret, where)
        if self.spec.user is None:
            return f"Bearer {secret}"
        return f"Basic {base64.b64encode(f'{self.spec.user}:{secret}'.encode()).decode()}"


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        safe = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port or 443, timeout=TIMEOUT_S, context=safe)
    return http.client.HTTPConnection(host, port or 80, timeout=TIMEOUT_S)


def _read(where: str, method: str, path: str, answer: tuple[int, bytes]) -> Any:
    status, held = answer
    asked = f"{method} {path.partition('?')[0]}"
    told = " ".join(held[:WORDS].decode(errors="replace").split())
    if status in {401, 403}:
        what = f"does not allow {asked} ({status} {told})"
        raise NotAllowedError(where, what, "give its secret the rights of docs/how-to/tickets.md")
    if status in {404, 410}:
        raise NotFoundError(
            where, f"knows no {path.partition('?')[0]}", "see the channel's project"
        )
    if not 200 <= status < 300:
        fix = "try again later" if status == 429 or status >= 500 else "mend the channel"
        raise WatermasterError(where, f"answered {asked} with {status} {told}".strip(), fix)
    try:
        return json.loads(held) if held.strip() else {}
    except ValueError:
        what = f"answered {asked} with no JSON ({told[:80]})"
        raise WatermasterError(where, what, "see that the location is its API") from None
