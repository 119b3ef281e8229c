"""A Kubernetes API server: who we are to it, its lists, its watches, and patches of its objects.

The only file that imports the Kubernetes client: it reads the kubeconfig (tokens, certificates,
sign-in programs); the answers are read as plain JSON, since typed models cost ten times as much.
"""

import datetime as dt
import email.utils
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

from watermaster.model.errors import BadInputError

PREFIX: Final = "kubernetes:"
PAGE: Final = 500  # things asked for at a time
CONNECT_S: Final = 10.0
LATEST_S: Final = 10  # a server that asks for more patience than this is asked again at once
READ_S: Final = 60.0  # of silence in the middle of an answer
WATCH_S: Final = 120  # after which a watch is asked anew
LONGEST_PAGE_BYTES: Final = 32 << 20  # a longer one is asked for again with fewer things in it
LONGEST_EVENT_BYTES: Final = 32 << 20
MOST_CONNECTIONS: Final = 64  # that are kept: each watch holds one
_HOST_KEYS: Final = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
FIELD_MANAGER: Final = "watermaster"  # whose the fields are that we write
Json = dict[str, Any]
Sent = tuple[bytes, str]  # a body, and its content type


class Form(StrEnum):
    """How a change of an object is written."""

    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"  # of built-in kinds: joins named lists


class UnreadError(Exception):
    """A part of the API that did not answer as it should; `reason` says why and what to do.

    status: of HTTP; 0 where there was no answer.
    """

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


class LongError(UnreadError):
    """An answer that is longer than is held in memory at once."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """An API server and how it is asked."""

    name: str  # the context of the kubeconfig
    host: str
    pool: Any = field(repr=False)  # urllib3's
    configuration: Any = field(repr=False)

    def get(self, path: str, **asked: str) -> tuple[Json, Mapping[str, str]]:
        """One whole answer and its headers; UnreadError where there is none."""
        return _whole(self._ask("GET", path, asked, read_s=READ_S))

    def patch(self, path: str, change: Json, form: Form, *, is_rehearsal: bool) -> Json:
        """Change one object, or only have the server check it; the object as it then is.

        With a resourceVersion in the change, an object that was changed meanwhile answers 409.
        """
        asked = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if is_rehearsal else {})
        sent = (json.dumps(change).encode(), form.value)
        return _whole(self._ask("PATCH", path, asked, sent, read_s=READ_S))[0]

    def pages(self, path: str, limit: int = PAGE) -> Iterator[tuple[int, Json]]:
        """A list page by page; one that expires in between is begun again, as reading 1.

        A page too long for memory is asked for again with fewer things on it.
        """
        asked, again = dict[str, str](), 0
        while True:
            try:
                page, _ = self.get(path, limit=str(limit), **asked)
            except LongError:
                if limit == 1:
                    raise
                limit = max(1, limit // 4)
                continue
            except UnreadError as error:
                if error.status != 410 or again:
                    raise
                asked, again = {}, 1
                continue
            following = _following(page)
            yield again, page
            if not following:
                return
            if asked.get("continue") == following:
                raise UnreadError("the list does not end: it names the same next page again")
            asked = {"continue": following}

    def watch(self, path: str, version: str) -> Iterator[Json]:
        """What happens to a list from a version on, until the server ends it.

        UnreadError: with status 410 the version is too old and the list must be read anew.
        """
        asked = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true",
                 "timeoutSeconds": str(WATCH_S)}  # fmt: skip
        response = self._ask("GET", path, asked, read_s=WATCH_S + READ_S)
        try:
            for line in _lines(response):
                event = json.loads(line)
                told = event.get("object") if isinstance(event, dict) else None
                if not isinstance(told, dict):
                    raise UnreadError("the watch told something that is no event")
                if event.get("type") == "ERROR":
                    raise UnreadError(str(told.get("message")), int(told.get("code") or 0))
                yield event
        except _broken() as error:
            raise UnreadError(f"the watch broke off ({_brief(error)})") from None
        except (ValueError, RecursionError):
            raise UnreadError("the watch broke off in the middle of an event") from None
        finally:
            response.close()

    def _ask(
        self, verb: str, path: str, asked: Mapping[str, str], sent: Sent | None = None, *,
        read_s: float,
    ) -> Any:  # fmt: skip
        from urllib3 import Retry, Timeout
        from urllib3.exceptions import HTTPError

        url = f"{self.host}{path}" + (f"?{urlencode(asked)}" if asked else "")
        body, form = sent or (None, "")
        headers = self._headers() | ({"content-type": form} if sent else {})
        try:
            response = self.pool.request(
                verb, url, headers=headers, body=body, preload_content=False,
                retries=Retry(1, redirect=0, raise_on_status=False, retry_after_max=LATEST_S),
                timeout=Timeout(connect=CONNECT_S, read=read_s),
            )  # fmt: skip
        except HTTPError as error:
            raise UnreadError(f"does not answer ({_brief(error)}); try again") from None
        if response.status >= 400:
            said = _said(response)
            response.close()
            role = "kubernetes-writer.yaml" if sent else "kubernetes-reader.yaml"
            raise UnreadError(_refusal(response.status, said, role), response.status)
        return response

    def _headers(self) -> dict[str, str]:
        """Asked for each time: a sign-in program's token may have ended."""
        from kubernetes.config.config_exception import ConfigException

        try:
            held = self.configuration.auth_settings().get("BearerToken", {})
        except (ConfigException, OSError, KeyError, TypeError, ValueError) as error:
            raise UnreadError(f"the sign-in failed ({_brief(error)}); sign in again", 401) from None
        token = {"authorization": held["value"]} if held.get("value") else {}
        return {"accept": "application/json", "user-agent": "watermaster"} | token


def connect(location: str, file: str | None = None) -> Cluster:
    """The cluster of `kubernetes:CONTEXT`; without a context the current one, or our own pod's.

    file: a kubeconfig; without it $KUBECONFIG or ~/.kube/config.
    """
    if not location.startswith(PREFIX):
        fix = "write kubernetes: and a context of the kubeconfig, e.g. kubernetes:eks-prod"
        raise BadInputError(location, "names no cluster", fix)
    context = location.removeprefix(PREFIX) or None
    try:
        from kubernetes import client, config
        from kubernetes.config.config_exception import ConfigException
    except ImportError as error:
        fix = "install it: pip install 'watermaster[kubernetes]'"
        raise BadInputError(location, f"needs a client ({error})", fix) from None
    configuration = client.Configuration()
    try:
        if context is None and file is None and all(os.environ.get(key) for key in _HOST_KEYS):
            load: Any = config.load_incluster_config
            load(client_configuration=configuration)
            name = "in-cluster"
        else:
            load = config.load_kube_config
            load(
                config_file=file, context=context, client_configuration=configuration,
                persist_config=False,
            )  # fmt: skip
            contexts: Any = config.list_kube_config_contexts
            name = context or contexts(file)[1]["name"]
    except (ConfigException, OSError, KeyError, TypeError, ValueError) as error:
        fix = "check it with kubectl config get-contexts; options.kubeconfig names another file"
        raise BadInputError(location, f"cannot be found ({_brief(error)})", fix) from None
    configuration.connection_pool_maxsize = MOST_CONNECTIONS
    pool = client.ApiClient(configuration).rest_client.pool_manager
    return Cluster(name, configuration.host.rstrip("/"), pool, configuration)


def _whole(response: Any) -> tuple[Json, Mapping[str, str]]:
    """One object, of a length that is held in memory."""
    try:
        told = response.read(LONGEST_PAGE_BYTES + 1, decode_content=True)
    except _broken() as error:
        raise UnreadError(f"the answer broke off ({_brief(error)}); try again") from None
    if len(told) > LONGEST_PAGE_BYTES:
        response.close()
        raise LongError(f"one answer is longer than {LONGEST_PAGE_BYTES >> 20} MiB")
    response.release_conn()
    try:
        found = json.loads(told)
    except (ValueError, RecursionError):
        raise UnreadError("the answer is half or no JSON; try again") from None
    if not isinstance(found, dict):
        raise UnreadError("the answer is no object; is this a Kubernetes API server?")
    return found, response.headers


def _following(page: Json) -> str | None:
    """Where the next page is; UnreadError where this is no page, which is not an empty one."""
    about = page.get("metadata")
    if not isinstance(about, dict) or not isinstance(page.get("items", 0), list | None):
        raise UnreadError("the answer is no list of things; is this a Kubernetes API server?")
    return about.get("continue") or None


def skew_s(headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Seconds the server's clock is ahead of ours; None where it does not say."""
    try:
        told = email.utils.parsedate_to_datetime(headers.get("date") or "")
    except ValueError:
        return None
    return (told - now).total_seconds()


def _refusal(status: int, said: str, role: str) -> str:
    if status == 401:
        return "401: the credentials are not known or have ended; sign in again"
    if status == 403:
        return f"403: {said or 'forbidden'}; grant it: see {role}"
    if status == 429:
        return "429: the server is asked too much; try again"
    return f"{status}: {said or 'no reason told'}; try again"


def _said(response: Any) -> str:
    try:
        told = json.loads(response.read(1 << 16))
    except ValueError:
        return ""
    except _broken():
        return ""
    return str(told.get("message", ""))[:200] if isinstance(told, dict) else ""


def _lines(response: Any) -> Iterator[bytes]:
    """Events stand on lines; a chunk may end anywhere."""
    held = b""
    for chunk in response.stream(1 << 16, decode_content=True):
        *whole, held = (held + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
        if len(held) > LONGEST_EVENT_BYTES:
            raise UnreadError(f"one event is longer than {LONGEST_EVENT_BYTES >> 20} MiB")
    if held.strip():
        yield held


def _broken() -> tuple[type[Exception], ...]:
    from urllib3.exceptions import HTTPError

    return HTTPError, OSError


def _brief(error: Exception) -> str:
    return str(error).split(" at 0x")[0].replace("\n", " ")[:160] or type(error).__name__
