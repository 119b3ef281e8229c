"""S3, or what speaks its protocol: buckets and their objects by listing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from watermaster.model.resources import SourceSpec
from watermaster.observe.aws_account import aws_errors, clients_of, is_denied, short
from watermaster.observe.store_place import Miss, Store, UnreadError, ranges
from watermaster.observe.store_tree import Entry, Unread

SCHEME: Final = "s3://"
PAGE: Final = 1_000  # objects told at once, the most S3 tells
_ACTIONS: Final = {  # where the permission has another name than the call
    "ListObjectsV2": "ListBucket", "ListBuckets": "ListAllMyBuckets",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or what lies under a prefix of it."""

    client: Any
    name: str
    prefix: str  # empty, or ending in /
    platform: str
    account: str | None
    labels: Mapping[str, str]

    @property
    def address(self) -> str:
        """As a Dataset names it."""
        return f"{SCHEME}{self.name}/{self.prefix}".rstrip("/")

    @property
    def is_whole(self) -> bool:
        """No prefix was named."""
        return not self.prefix

    @property
    def resource_id(self) -> str | None:
        """A bill knows buckets, never parts of them."""
        return f"arn:aws:s3:::{self.name}" if self.is_whole else None

    def entries(self) -> Iterator[Entry | Unread]:
        """All objects in the order of their names."""
        told = {"Bucket": self.name, "Prefix": self.prefix, "PaginationConfig": {"PageSize": PAGE}}
        pages = self.client.get_paginator("list_objects_v2").paginate(**told)
        found, last = iter(pages), ""
        while page := _call("ListObjectsV2", lambda: next(found, None)):
            if "IsTruncated" not in page:
                raise UnreadError("the answer to s3:ListBucket is only half there: try again")
            for one in page.get("Contents", []):
                if one["Key"] < last:
                    raise UnreadError("lists in no order, as directory buckets do: not read")
                last = one["Key"]
                yield Entry(one["Key"][len(self.prefix) :], one["Size"], one["LastModified"],
                            one.get("ETag"))  # fmt: skip

    def sample(self, key: str, size_bytes: int) -> bytes:
        """The start and the end of an object."""
        held = b""
        for first, last in ranges(size_bytes):
            asked = {"Bucket": self.name, "Key": f"{self.prefix}{key}",
                     "Range": f"bytes={first}-{last}"}  # fmt: skip
            held += _call("GetObject", partial(_body, self.client, asked))
        return held


def s3_stores(source: SourceSpec, miss: Miss) -> Iterator[Store]:
    """The bucket of a location, or every bucket there is."""
    client = _call("ListBucket", partial(clients_of(source)(source.options.get("region")), "s3"))
    name, _, prefix = source.location.removeprefix(SCHEME).strip("/").partition("/")
    names = [name]
    if name in {"", "*"}:
        told = _call("ListBuckets", client.list_buckets)
        names, prefix = [one["Name"] for one in told["Buckets"]], ""
    for one in names:
        labels = _tags(client, one, miss)
        yield Bucket(client, one, f"{prefix}/" if prefix else "", source.platform or "s3",
                     source.account, labels)  # fmt: skip


def _tags(client: Any, bucket: str, miss: Miss) -> dict[str, str]:
    try:
        told = _call("GetBucketTagging", lambda: client.get_bucket_tagging(Bucket=bucket))
    except UnreadError as error:
        if "NoSuchTagSet" not in error.reason:
            miss(f"{SCHEME}{bucket}", "tags", error.reason)
        return {}
    return {one["Key"]: one["Value"] for one in told["TagSet"]}


def _body(client: Any, asked: Mapping[str, str]) -> bytes:
    body: bytes = client.get_object(**asked)["Body"].read()
    return body


def _call(operation: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except aws_errors() as error:
        action = f"s3:{_ACTIONS.get(operation, operation)}"
        if is_denied(error):
            raise UnreadError(f"may not {action}: grant {action}") from None
        raise UnreadError(f"{action} failed ({short(error)}); try again") from None
