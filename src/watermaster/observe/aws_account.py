"""Asking AWS: what it refuses, half tells or does not answer is kept as a gap, never raised.

Credentials are those of botocore: environment, profile, role of the machine.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.resources import SourceSpec

Client = Callable[[str], Any]  # service name to botocore client
PAGE: Final = {"ec2": 500, "sagemaker": 100}  # things told at once
TRIES: Final = 5
IN_A_ROW: Final = 3  # failures after which a service of a region is not asked on
TEXT_LENGTH: Final = 160
_DENIED: Final = frozenset({
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError",
})  # fmt: skip
_SHUT: Final = frozenset({
    "AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "OptInRequired",
    "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip
_GONE: Final = ("could not find", "does not exist", "not found")


class Region:
    """One region of one account, and what it did not tell."""

    def __init__(self, name: str, client: Client) -> None:
        self.name, self.client = name, client
        self.gaps: dict[tuple[str, str], int] = {}  # kind and reason to how often
        self._failed: dict[str, int] = {}  # service to its failures in a row
        self._shut: dict[str, str] = {}  # service or action that answers nobody, and why

    def pages(self, kind: str, call: str, key: str, **asked: Any) -> Iterator[dict[str, Any]]:
        """All things of a list, page by page; a gap where it breaks off.

        call: service and method of its client, e.g. ec2.describe_volumes.
        """
        service, method = call.split(".")
        if self._is_shut(kind, call):
            return
        size = {"PageSize": PAGE[service]} if service in PAGE and key != "Tags" else {}
        try:
            client = self.client(service)
            paged = client.can_paginate(method)
            told = (
                client.get_paginator(method).paginate(PaginationConfig=size, **asked)
                if paged
                else [getattr(client, method)(**asked)]
            )
            for page in told:
                if service != "ec2" and key not in page:  # XML leaves out what is empty
                    self.miss(kind, f"{self._action(call)}: the answer lacks {key}; try again")
                    return
                self._failed[service] = 0
                yield from page.get(key, [])
        except aws_errors() as error:
            self._fail(kind, call, error)

    def ask(self, kind: str, call: str, **asked: Any) -> dict[str, Any] | None:
        """One answer; None where there is none, with a gap unless the thing is just gone."""
        service, method = call.split(".")
        if self._is_shut(kind, call):
            return None
        try:
            answer: dict[str, Any] = getattr(self.client(service), method)(**asked)
        except aws_errors() as error:
            if not _is_gone(error):
                self._fail(kind, call, error)
            return None
        self._failed[service] = 0
        return answer

    def miss(self, kind: str, reason: str) -> None:
        """Keep that something was not told; a reason is told once, with how often."""
        self.gaps[kind, reason] = self.gaps.get((kind, reason), 0) + 1

    def _is_shut(self, kind: str, call: str) -> bool:
        service, _ = call.split(".")
        reason = self._shut.get(call) or self._shut.get(service) or self._shut.get("")
        if reason:
            self.miss(kind, reason)
        return reason is not None

    def _action(self, call: str) -> str:
        """As policies name it: ec2:DescribeVolumes."""
        service, method = call.split(".")
        return f"{service}:{''.join(word.capitalize() for word in method.split('_'))}"

    def _fail(self, kind: str, call: str, error: Exception) -> None:
        action, code, (service, _) = self._action(call), _code(error), call.split(".")
        reason = f"{action} failed ({short(error)}); try again"
        if is_denied(error):
            reason = self._shut[call] = f"may not {action}: grant {action}"
        elif code in _SHUT:
            fix = "enable the region, or renew the credentials"
            reason = self._shut[""] = f"the region does not let us in ({code}): {fix}"
        elif code is None:
            reason = f"{action} does not answer ({short(error)}); try again"
        if not is_denied(error) and code not in _SHUT:
            self._failed[service] = self._failed.get(service, 0) + 1
            if _is_unreachable(error) or self._failed[service] >= IN_A_ROW:
                self._shut[service] = reason
        self.miss(kind, reason)


def clients_of(source: SourceSpec) -> Callable[[str | None], Client]:
    """For a region its clients by service, made when first asked for."""
    try:
        from botocore.config import Config
        from botocore.session import Session
    except ImportError as error:
        fix = "install it: pip install 'watermaster[aws]'"
        raise BadInputError(source.location, f"needs botocore ({error})", fix) from None
    session = Session(profile=source.options.get("profile"))
    tries = _tries(source)
    patient = Config(retries={"mode": "adaptive", "total_max_attempts": tries}, connect_timeout=10)
    brief = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=10)

    def of(region: str | None) -> Client:
        @functools.cache
        def client(service: str) -> Any:
            config = brief if service == "sts" else patient  # who may not ask is told at once
            return session.create_client(service, region_name=region, config=config)

        return client

    return of


def _tries(source: SourceSpec) -> int:
    text = source.options.get("tries", str(TRIES))
    if not text.isdigit() or int(text) < 1:
        raise BadResourceError("options.tries", f"{text!r} is no number of tries", "write 1 to 9")
    return int(text)


def account_of(regions: Sequence[Region], where: str) -> str:
    """The number of the account, asked once: the first region that answers speaks for all."""
    told = "no region"
    for region in regions:
        try:
            return str(region.client("sts").get_caller_identity()["Account"])
        except aws_errors() as error:
            told = short(error)
    fix = "check the credentials: aws sts get-caller-identity must answer"
    raise BadInputError(where, f"cannot be asked ({told})", fix)


def aws_errors() -> tuple[type[Exception], ...]:
    """What a call may raise."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError


def _code(error: Exception) -> str | None:
    """AWS's word for what is wrong; None where it did not answer."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else None


def is_denied(error: Exception) -> bool:
    """By AWS's word, or by HTTP where a gateway on the way says it."""
    code = _code(error)
    response = getattr(error, "response", None)
    if code is None or not isinstance(response, dict) or code in _SHUT or "hrottl" in code:
        return False
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return code in _DENIED or status == 403


def short(error: Exception) -> str:
    """What is wrong, on one short line."""
    response = getattr(error, "response", None)
    told = response.get("Error", {}) if isinstance(response, dict) else {}
    text = f"{told.get('Code')}: {told.get('Message')}" if told else str(error)
    return " ".join(text.split())[:TEXT_LENGTH]


def _is_gone(error: Exception) -> bool:
    """Deleted since it was listed."""
    if _code(error) not in {"ResourceNotFound", "ResourceNotFoundException", "ValidationException"}:
        return False
    return any(words in str(error).lower() for words in _GONE)


def _is_unreachable(error: Exception) -> bool:
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

    return isinstance(error, EndpointConnectionError | ConnectTimeoutError)
