"""Send a mail. The server either takes the whole message or the error says why it did not."""

import smtplib
import ssl
from typing import Final
from urllib.parse import urlsplit

from watermaster.act.secret import secret_of
from watermaster.model.channels import ChannelSpec
from watermaster.model.errors import WatermasterError

TIMEOUT_S: Final = 20.0


def send_mail(spec: ChannelSpec, body: bytes) -> None:
    """Send the bytes as they are; TLS by smtps://, else STARTTLS where the server offers it.

    A password is never sent in the clear.
    """
    place = urlsplit(spec.location)
    host, port = place.hostname or "", place.port or (465 if place.scheme == "smtps" else 25)
    where = f"mail server {host}:{port}"
    try:
        with _connected(place.scheme, host, port) as server:
            if spec.user:
                if not isinstance(server.sock, ssl.SSLSocket):
                    raise WatermasterError(where, "offers no TLS, and a password is set",
                                           "use smtps://, or a server without sign-in")  # fmt: skip
                server.login(spec.user, secret_of(spec.secret, where))
            refused = server.sendmail(spec.sender or "", spec.to, body)
    except (OSError, smtplib.SMTPException) as error:
        raise WatermasterError(
            where,
            f"did not take the mail ({_told(error)})",
            "see that it runs and takes the sender",
        ) from None
    if refused:
        raise WatermasterError(where, f"refused {', '.join(sorted(refused))}", "mend the addresses")


def _connected(scheme: str, host: str, port: int) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    server.ehlo_or_helo_if_needed()
    if server.has_extn("starttls"):
        server.starttls(context=context)
    return server


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
