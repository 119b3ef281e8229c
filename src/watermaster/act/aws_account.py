"""Changing AWS: clients with the credentials that may write, and errors that name the permission.

What is denied names its action and the policy file of the verb. Throttled calls are made again by
botocore's own retries.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from watermaster.act.verbs import PlatformError
from watermaster.model.acts import Remedy, TargetSpec
from watermaster.model.errors import (
    BadResourceError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)

TRIES: Final = 5
TEXT_LENGTH: Final = 160
_DENIED: Final = frozenset({
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError",
})  # fmt: skip
_ACTIONS: Final = {  # where the permission has another name than the call
    "s3:ListObjectsV2": "s3:ListBucket", "s3:HeadObject": "s3:GetObject",
    "s3:CopyObject": "s3:GetObject and s3:PutObject", "s3:UploadPartCopy": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject", "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
}  # fmt: skip


class Account:
    """One account as the writing profile sees it."""

    def __init__(self, spec: TargetSpec) -> None:
        self.spec = spec
        self._clients: dict[tuple[str, str, int], Any] = {}
        self.region = spec.location.removeprefix("aws:").strip()
        if not spec.options.get("profile"):
            fix = "name the profile of the AWS configuration that may write"
            raise BadResourceError("options.profile", "no credentials that may write", fix)

    @functools.cached_property
    def _session(self) -> Any:
        try:
            from botocore.exceptions import ProfileNotFound
            from botocore.session import Session
        except ImportError as error:
            fix = "install it: pip install 'watermaster[aws]'"
            raise BadResourceError("type: aws", f"needs botocore ({error})", fix) from None
        profile = self.spec.options["profile"]
        session = Session(profile=profile)
        try:
            session.get_scoped_config()
        except ProfileNotFound:
            fix = "add it to ~/.aws/config, or name another"
            raise BadResourceError("options.profile", f"{profile!r} is no profile", fix) from None
        return session

    def client(self, service: str, region: str, tries: int = TRIES) -> Any:
        """The client of a service in a region."""
        from botocore.config import Config

        key = service, region, tries
        if key not in self._clients:
            retries = {"mode": "adaptive", "total_max_attempts": tries}
            config = Config(retries=retries, connect_timeout=10)
            made = self._session.create_client(service, region_name=region or None, config=config)
            self._clients[key] = made
        return self._clients[key]

    def call(self, where: str, name: str, region: str, **asked: Any) -> dict[str, Any]:
        """One answer of e.g. `ec2.create_snapshot`; errors name the permission.

        where: the thing, as errors should call it.
        """
        service, method = name.split(".")
        with told(where, name):
            answer: dict[str, Any] = getattr(self.client(service, region), method)(**asked)
        return answer

    def pages(self, where: str, name: str, region: str, **asked: Any) -> Iterator[dict[str, Any]]:
        """All pages of a list."""
        service, method = name.split(".")
        with told(where, name):
            yield from self.client(service, region).get_paginator(method).paginate(**asked)

    @functools.cached_property
    def number(self) -> str:
        """The account the profile signs in to."""
        answer = self.call("sts", "sts.get_caller_identity", self.region or "us-east-1")
        return str(answer["Account"])

    def must_be(self, account: str | None, where: str) -> None:
        """RefusedError where the thing lies in another account than the profile's."""
        if account and account.isdigit() and account != self.number:
            profile = self.spec.options["profile"]
            raise RefusedError(
                where, f"lies in account {account}, and profile {profile} is of {self.number}",
                f"declare a Target with a profile of {account}",
            )  # fmt: skip


def region_of(remedy: Remedy, account: Account) -> str:
    """Where the thing stands: by its ARN, else its uid, else the Target."""
    parts = str(remedy.asked.get("resource_id", "")).split(":")
    if len(parts) > 5 and parts[3]:
        return parts[3]
    named = remedy.uid.split("/")
    if len(named) > 2 and named[0].isdigit():
        return named[1]
    if not account.region:
        raise BadResourceError("location", "names no AWS region", "write e.g. eu-central-1")
    return account.region


@contextmanager
def told(where: str, name: str) -> Iterator[None]:
    """Raise AWS's errors as ours."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    action = _action(name)
    try:
        yield
    except ClientError as error:
        raise _ours(where, action, error) from None
    except (BotoCoreError, ResponseParserError) as error:
        text = " ".join(str(error).split())[:TEXT_LENGTH]
        raise PlatformError(where, f"{action} got no answer ({text})", "try again") from None


def _ours(where: str, action: str, error: Any) -> Exception:
    code, text = str(error.response["Error"].get("Code", "")), _short(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _DENIED or (status == 403 and "hrottl" not in code):
        grant = f"grant {action}: see the policies in watermaster/act/roles"
        return NotAllowedError(where, f"may not {action} ({code})", grant)
    if _is_gone(code, text):
        return NotFoundError(where, f"is not there ({code})", "look again: wm sync")
    return PlatformError(where, f"{action} failed ({text})", "mend it there, then try again")


def _is_gone(code: str, text: str) -> bool:
    gone = ("NotFound", "NoSuch")
    return any(word in code for word in gone) or (
        code.startswith("Validation") and "could not find" in text.lower()
    )


def _short(error: Any) -> str:
    told = error.response["Error"]
    return " ".join(f"{told.get('Code')}: {told.get('Message')}".split())[:TEXT_LENGTH]


def _action(name: str) -> str:
    """As policies name it: ec2:CreateSnapshot."""
    service, method = name.split(".")
    if service == "resourcegroupstaggingapi":
        service = "tag"
    word = "".join(part.capitalize() for part in method.split("_"))
    return _ACTIONS.get(f"{service}:{word}", f"{service}:{word}")


def tags_of(told: list[dict[str, Any]] | None) -> dict[str, str]:
    """Tags by key."""
    return {str(one["Key"]): str(one.get("Value", "")) for one in told or []}


def as_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    """As AWS takes them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def is_own(key: str) -> bool:
    """Whether AWS itself sets this tag, so that nobody else may."""
    return key.lower().startswith("aws:")
