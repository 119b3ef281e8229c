"""Requests in the access logs of S3 (its own, or CloudTrail's) and of Azure blob storage.

What was read, written or deleted, and what was refused; listings and other failures are left out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from watermaster.model.access import Verb
from watermaster.model.errors import BadInputError
from watermaster.observe.files import Found, first_line, lines_of

ANONYMOUS: Final = "anonymous"


class Access(NamedTuple):
    """One request that was answered, or refused."""

    at: datetime
    store: str  # s3://bucket
    key: str
    who: str  # identity without its session
    name: str
    account: str | None
    verb: Verb
    bytes: int
    platform: str
    resource_id: str | None
    whole: str  # identity with its session


class Fault(NamedTuple):
    """A line that cannot be used."""

    text: str
    reason: str


Lines = Iterator[tuple[int, Access | Fault]]
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
_S3: Final = re.compile(
    r"^\S+ (?P<bucket>\S+) \[(?P<at>[^]]+)\] \S+ (?P<who>\S+) \S+ (?P<operation>\S+) (?P<key>\S+) "
    r'(?:"(?:[^"\\]|\\.)*"|-) (?P<status>\S+) \S+ (?P<sent>\S+) '
)
_S3_TIME: Final = "%d/%b/%Y:%H:%M:%S %z"
_READ: Final = (
    "REST.GET.OBJECT", "REST.COPY.OBJECT_GET", "REST.COPY.PART_GET", "REST.SELECT.OBJECT",
    "GetObject", "SelectObjectContent",
    "GetBlob", "ReadFile", "QueryBlobContents",
)  # fmt: skip
_WRITE: Final = (
    "REST.PUT.OBJECT", "REST.PUT.PART", "REST.POST.OBJECT", "REST.COPY.OBJECT", "REST.COPY.PART",
    "PutObject", "CopyObject", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload",
    "PutBlob", "PutBlock", "PutBlockList", "AppendBlock", "PutPage", "AppendFile", "FlushFile",
    "CreatePathFile", "CopyBlob",
)  # fmt: skip
_DELETE: Final = (
    "REST.DELETE.OBJECT", "BATCH.DELETE.OBJECT", "S3.EXPIRE.OBJECT", "DeleteObject",
    "DeleteBlob", "DeleteFile", "DeleteDirectory",
)  # fmt: skip
_VERBS: Final = {
    name: verb
    for verb, names in ((Verb.READ, _READ), (Verb.WRITE, _WRITE), (Verb.DELETE, _DELETE))
    for name in names
}
_DENIED: Final = frozenset({"AccessDenied", "Client.AccessDenied", "AllAccessDisabled"})
_ROLE: Final = re.compile(r"^arn:(aws[\w-]*):sts::(\d*):assumed-role/([^/]+)/.*$")
_SIGNED_IN: Final = re.compile(r":assumed-role/AWSReservedSSO_")  # its session is a person


def accesses_of(file: Found) -> Lines:
    """Line number with each request for an object's content, or with what is wrong."""
    first = first_line(file)
    if not first:
        return
    if not first.startswith("{"):
        yield from _s3_lines(file)
    elif first.startswith('{"Records"') or first == "{":
        yield from _trail(file)
    else:
        yield from _azure_lines(file)


def _s3_lines(file: Found) -> Lines:
    for number, line in enumerate(lines_of(file), start=1):
        if not line.strip():
            continue
        found = _S3.match(line)
        if not found:
            yield number, Fault(line.strip(), "is no line of an S3 server access log")
            continue
        verb = _verb(found["operation"], found["status"])
        if verb is None:
            continue
        try:
            at = datetime.strptime(found["at"], _S3_TIME).astimezone(UTC)
        except ValueError:
            yield number, Fault(found["at"], "is no time as S3 writes it")
            continue
        sent = int(found["sent"]) if found["sent"].isdigit() else 0
        key = unquote(unquote(found["key"]))  # S3 encodes it twice
        access = _of_s3(at, found["bucket"], key, found["who"])
        yield number, access._replace(verb=verb, bytes=sent)


def _verb(operation: str, status: str) -> Verb | None:
    """What was done; None: nothing that counts. status: of HTTP."""
    verb = _VERBS.get(operation)
    if verb is None or status.startswith("2"):
        return verb
    return Verb.REFUSED if status == "403" else None


def _of_s3(at: datetime, bucket: str, key: str, who: str) -> Access:
    identity, name, account = identity_of(who)
    return Access(at, f"s3://{bucket}", key, identity, name, account, verb=Verb.READ, bytes=0,
                  platform="s3", resource_id=f"arn:aws:s3:::{bucket}",
                  whole=who if _SIGNED_IN.search(who) else identity)  # fmt: skip


def identity_of(who: str) -> tuple[str, str, str | None]:
    """Identity, name and account: of a session its role, of nobody `anonymous`.

    >>> identity_of("arn:aws:sts::1:assumed-role/rag-reader/pod-7")
    ('arn:aws:iam::1:role/rag-reader', 'rag-reader', '1')
    """
    if who in {"", "-"}:
        return ANONYMOUS, ANONYMOUS, None
    if session := _ROLE.match(who):
        partition, account, role = session.groups()
        return f"arn:{partition}:iam::{account}:role/{role}", role, account
    parts = who.split(":", 5)
    if len(parts) == 6:
        return who, parts[5].rpartition("/")[2], parts[4] or None
    return who, who, None


def _trail(file: Found) -> Lines:
    """CloudTrail: one document for the whole file."""
    try:
        records = json.loads("".join(lines_of(file)))["Records"]
    except (ValueError, KeyError, TypeError) as error:
        what = f"is no CloudTrail file, or only a part of one ({error})"
        raise BadInputError(file.name, what, "deliver the file again") from None
    for number, one in enumerate(records, start=1):
        try:
            access = _of_trail(one)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            yield number, Fault(str(one), f"lacks what a data event has ({error})")
            continue
        if access is not None:
            yield number, access


def _of_trail(one: Mapping[str, Any]) -> Access | None:
    if one.get("eventSource") != "s3.amazonaws.com":
        return None
    error = one.get("errorCode")
    status = "200" if not error else "403" if error in _DENIED else "500"
    verb = _verb(one["eventName"], status)
    if verb is None:
        return None
    asked, user = one["requestParameters"], one.get("userIdentity") or {}
    who = user.get("arn") or user.get("principalId") or user.get("invokedBy") or ""
    moved = (one.get("additionalEventData") or {}).get("bytesTransferredOut") or 0
    found = _of_s3(_iso(one["eventTime"]), asked["bucketName"], asked.get("key") or "", who)
    return found._replace(verb=verb, bytes=int(moved))


def _azure_lines(file: Found) -> Lines:
    """Resource logs: one JSON object a line."""
    for number, line in enumerate(lines_of(file), start=1):
        if not line.strip():
            continue
        try:
            access = _of_azure(json.loads(line))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            yield number, Fault(line.strip(), f"is no line of a log of Azure storage ({error})")
            continue
        if access is not None:
            yield number, access


def _of_azure(one: Mapping[str, Any]) -> Access | None:
    told = one.get("properties") or {}
    verb = _verb(one["operationName"], str(one.get("statusCode", "")))
    if verb is None:
        return None
    # /account/container/path, the container's part of it
    account, container, key = unquote(told["objectKey"]).strip("/").split("/", 2)
    identity = one.get("identity") or {}
    asked = identity.get("requester") or {}
    who = asked.get("objectId") or asked.get("appId") or identity.get("tokenHash")
    kind = str(identity.get("type") or ANONYMOUS)
    if not who and kind.lower() == ANONYMOUS:
        who = ANONYMOUS
    return Access(
        _iso(one["time"]), f"abfs://{container}", key, who or kind, asked.get("upn") or who or kind,
        None, verb=verb, bytes=int(told.get("responseBodySize") or 0),
        platform=account, resource_id=one.get("resourceId"), whole=asked.get("upn") or who or kind,
    )  # fmt: skip


def _iso(text: str) -> datetime:
    moment = datetime.fromisoformat(text[:26].rstrip("Z"))
    return moment.replace(tzinfo=UTC)
