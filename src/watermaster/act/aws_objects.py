"""Objects under prefixes in S3: listed, and copied so that their ETags can be compared."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

from watermaster.act.aws_account import Account, told
from watermaster.act.listing import Listing, Object, listing
from watermaster.act.verbs import PlatformError
from watermaster.model.errors import NotAllowedError, RefusedError

SCHEME: Final = "s3://"
MOST_AT_ONCE_BYTES: Final = 5 * 1024**3  # larger ones are copied in parts
AT_ONCE: Final = 1_000  # objects deleted with one call

Place = tuple[str, str]  # bucket, and prefix that is empty or ends in /


def place_of(address: str) -> Place:
    """Bucket and prefix of s3://BUCKET/PREFIX."""
    if not address.startswith(SCHEME):
        raise RefusedError(address, "is no place in S3", "write s3://BUCKET/PREFIX")
    bucket, _, prefix = address.removeprefix(SCHEME).strip("/").partition("/")
    if not bucket:
        raise RefusedError(address, "names no bucket", "write s3://BUCKET/PREFIX")
    return bucket, f"{prefix}/" if prefix else ""


def objects(account: Account, where: str, place: Place, region: str) -> Iterator[Object]:
    """All objects in the order of their names."""
    bucket, prefix = place
    asked = {"Bucket": bucket, "Prefix": prefix}
    for page in account.pages(where, "s3.list_objects_v2", region, **asked):
        for one in page.get("Contents", []):
            yield Object(one["Key"][len(prefix) :], int(one["Size"]), one["ETag"].strip('"'))


def listing_of(account: Account, where: str, place: Place, region: str = "") -> Listing:
    """Counted in one pass, in flat memory."""
    return listing(objects(account, where, place, region or account.region))


def copy(account: Account, one: Object, source: Place, there: Place, region: str) -> None:
    """Copy one object within S3, in the parts it was written in, so that its ETag is the same."""
    where = f"{SCHEME}{there[0]}/{there[1]}{one.name}"
    asked = {"CopySource": {"Bucket": source[0], "Key": f"{source[1]}{one.name}"},
             "CopySourceIfMatch": one.mark}  # fmt: skip
    target = {"Bucket": there[0], "Key": f"{there[1]}{one.name}"}
    if "-" not in one.mark and one.size_bytes <= MOST_AT_ONCE_BYTES:
        answer = account.call(where, "s3.copy_object", region, **target, **asked)
        etag = answer["CopyObjectResult"]["ETag"].strip('"')
    else:
        etag = _in_parts(account, where, (one, source), target | asked)
    if etag != one.mark:
        raise PlatformError(
            where, f"was copied, but its ETag is {etag}, not {one.mark}",
            "content under KMS keys cannot be compared so: replicate it by hand",
        )  # fmt: skip


def _in_parts(
    account: Account, where: str, what: tuple[Object, Place], asked: Mapping[str, Any]
) -> str:
    one, (bucket, prefix) = what
    client = account.client("s3", account.region)
    with told(where, "s3.upload_part_copy"):
        origin = {"Bucket": bucket, "Key": f"{prefix}{one.name}"}
        head = client.head_object(**origin)
        target = {key: asked[key] for key in ("Bucket", "Key")}
        kept = {key: head[key] for key in _KEPT if key in head}
        upload = client.create_multipart_upload(**target, **kept)["UploadId"]
        with ExitStack() as broken:
            broken.callback(client.abort_multipart_upload, **target, UploadId=upload)
            parts = []
            for number, span in enumerate(_spans(client, origin, one.size_bytes), start=1):
                part = client.upload_part_copy(
                    **asked, UploadId=upload, PartNumber=number, CopySourceRange=span
                )
                parts.append({"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]})
            done = client.complete_multipart_upload(
                **target, UploadId=upload, MultipartUpload={"Parts": parts}
            )
            broken.pop_all()
    return str(done["ETag"]).strip('"')


_KEPT: Final = ("ContentType", "ContentEncoding", "CacheControl", "ContentDisposition",
                "ContentLanguage", "Metadata", "StorageClass")  # fmt: skip


def _spans(client: Any, origin: Mapping[str, str], size_bytes: int) -> Iterator[str]:
    """The byte ranges of its parts."""
    count = client.head_object(**origin, PartNumber=1).get("PartsCount", 1)
    first = 0
    for number in range(1, count + 1):
        length = int(client.head_object(**origin, PartNumber=number)["ContentLength"])
        yield f"bytes={first}-{first + length - 1}"
        first += length
    if first != size_bytes:
        raise PlatformError(origin["Key"], "does not tell its parts", "replicate it by hand")


def delete(account: Account, place: Place, names: list[str], region: str) -> None:
    """Delete some objects under a prefix; those that are gone already are no fault."""
    bucket, prefix = place
    where = f"{SCHEME}{bucket}/{prefix}"
    for start in range(0, len(names), AT_ONCE):
        some = [{"Key": f"{prefix}{name}"} for name in names[start : start + AT_ONCE]]
        answer = account.call(where, "s3.delete_objects", region, Bucket=bucket,
                              Delete={"Objects": some, "Quiet": True})  # fmt: skip
        for failed in answer.get("Errors", []):
            what = f"{failed.get('Key')} could not be deleted ({failed.get('Code')})"
            if failed.get("Code") == "AccessDenied":
                raise NotAllowedError(where, what, "grant s3:DeleteObject")
            raise PlatformError(where, what, "try again")
