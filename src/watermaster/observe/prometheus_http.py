"""Prometheus' HTTP API, or anything that speaks it (Thanos, Mimir, VictoriaMetrics)."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.resources import SourceSpec

TRIES: Final = 4
WAIT_S: Final = 0.5  # before the second try; twice as long before each further one
TRY_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
Series = Mapping[str, Any]  # metric: labels, values: [seconds, text] pairs (or one `value`)


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask, which series (label matchers), and how long to wait for an answer."""

    address: str
    match: str = ""
    token: str = ""
    timeout_s: float = 120.0

    def samples(self, metric: str, end_s: int, span_s: int) -> list[Series]:
        """The samples as they were taken, in the `span_s` seconds up to `end_s`.

        A range query would repeat a sample for five minutes where none was taken; this does not.
        """
        return self.ask(f"{metric}{{{self.match}}}[{span_s}s]", end_s)

    def latest(self, metric: str, end_s: int, span_s: int) -> list[Series]:
        """The last sample of each series in that time."""
        return self.ask(f"last_over_time({metric}{{{self.match}}}[{span_s}s])", end_s)

    def count(self, names: str, end_s: int, span_s: int) -> int:
        """How many series with such names (a regular expression) there were in that time."""
        chosen = f'__name__=~"{names}"' + (f",{self.match}" if self.match else "")
        found = self.ask(f"count(last_over_time({{{chosen}}}[{span_s}s]))", end_s)
        return int(float(found[0]["value"][1])) if found else 0

    def ask(self, query: str, at_s: int) -> list[Series]:
        """The answer to a query at a moment; tried again where that may help."""
        form = urllib.parse.urlencode({"query": query, "time": at_s}).encode()
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(f"{self.address}/api/v1/query", form, headers)
        for number in range(TRIES):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:
                    return _result(self.address, query, json.load(answer))
            except urllib.error.HTTPError as error:
                if error.code not in TRY_AGAIN or number == TRIES - 1:
                    raise _refused(self.address, query, error) from None
            except (OSError, http.client.HTTPException) as error:
                if number == TRIES - 1:
                    raise _unreachable(self.address, error) from None
            except ValueError:
                raise _no_prometheus(self.address) from None
            time.sleep(WAIT_S * 2**number)
        raise _no_prometheus(self.address)


def server_of(source: SourceSpec) -> Server:
    """The server of a source: location, and the options match, tokenFile and timeoutSeconds."""
    address, options = source.location.rstrip("/"), source.options
    if not address.startswith(("http://", "https://")):
        fix = "write http://HOST:PORT or https://HOST/PREFIX"
        raise BadResourceError("location", f"{address} is no web address", fix)
    token = ""
    if path := options.get("tokenFile"):
        try:
            token = Path(path).read_text().strip()
        except OSError as error:
            fix = "name a file that holds the bearer token"
            raise BadResourceError("options.tokenFile", f"{path}: {error.strerror}", fix) from None
    match = options.get("match", "").strip().removeprefix("{").removesuffix("}")
    return Server(address, match, token, float(options.get("timeoutSeconds", "120")))


def _result(address: str, query: str, answer: Mapping[str, Any]) -> list[Series]:
    if not isinstance(answer, dict) or "data" not in answer:
        raise _no_prometheus(address)
    if answer.get("status") != "success":
        what = f"refused {query}: {answer.get('error', 'no reason given')}"
        raise BadInputError(address, what, "ask the server's operators")
    return list(answer["data"]["result"])


def _refused(address: str, query: str, error: urllib.error.HTTPError) -> BadInputError:
    if error.code in {401, 403}:
        fix = "name a token in options.tokenFile"
        return BadInputError(address, f"does not let us in ({error.code})", fix)
    try:
        reason = json.load(error).get("error", error.reason)
    except (ValueError, AttributeError, OSError):
        reason = error.reason
    what = f"answered {error.code} to {query}: {reason}"
    return BadInputError(address, what, "see docs/how-to/connect-prometheus.md")


def _unreachable(address: str, error: Exception) -> BadInputError:
    reason = getattr(error, "reason", None) or str(error) or type(error).__name__
    what = f"cannot be reached ({reason}), {TRIES} times"
    return BadInputError(address, what, "start it, or mend the location of the source")


def _no_prometheus(address: str) -> BadInputError:
    fix = "give the address under which /api/v1/query answers"
    return BadInputError(address, "does not answer like a Prometheus", fix)
