"""Post a JSON message to a webhook, signed; a redirect is not followed."""

import hashlib
import hmac
import http.client
import ssl
from typing import Final
from urllib.parse import urlsplit

from watermaster.act.secret import secret_of
from watermaster.model.channels import ChannelSpec
from watermaster.model.errors import WatermasterError

TIMEOUT_S: Final = 20.0
TIMESTAMP: Final = "X-Watermaster-Request-Timestamp"
SIGNATURE: Final = "X-Watermaster-Signature"
VERSION: Final = "v0"
WORDS: Final = 200


def post(spec: ChannelSpec, body: bytes, at_s: int, key: str) -> None:
    """Post the bytes; any answer but 2xx is a fault. key: the same for each try of a message."""
    place = urlsplit(spec.location)
    where = f"webhook {place.hostname}"
    headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": key}
    if spec.secret:
        headers |= {TIMESTAMP: str(at_s),
                    SIGNATURE: signature(secret_of(spec.secret, where), at_s, body)}  # fmt: skip
    is_safe = place.scheme == "https"
    port = place.port or (443 if is_safe else 80)
    connection: http.client.HTTPConnection
    if is_safe:
        connection = http.client.HTTPSConnection(
            place.hostname or "", port, timeout=TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(place.hostname or "", port, timeout=TIMEOUT_S)
    try:
        path = place.path or "/"
        connection.request("POST", f"{path}?{place.query}" if place.query else path, body, headers)
        answer = connection.getresponse()
        told = answer.read(WORDS).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise WatermasterError(where, f"was not reached ({error})", "see that it runs") from None
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise WatermasterError(where, f"answered {answer.status} {' '.join(told.split())}".strip(),
                               "mend its address or its rights")  # fmt: skip


def signature(secret: str, at_s: int, body: bytes) -> str:
    """`v0=` and the HMAC-SHA256 of `v0:TIMESTAMP:BODY`, as Slack signs what it sends.

    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack

    >>> signature("key", 1, b"{}")[:12]
    'v0=236beeb37'
    """
    text = f"{VERSION}:{at_s}:".encode() + body
    return f"{VERSION}={hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()}"
