"""Azure blob storage and Data Lake Storage: containers and their blobs by listing."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.resources import SourceSpec
from watermaster.observe.store_place import Miss, Store, UnreadError, ranges
from watermaster.observe.store_tree import Entry, Unread

ROLE: Final = "grant the role Storage Blob Data Reader"
PAGE: Final = 5_000
TRIES: Final = 5
API_VERSION: Final = "2024-08-04"


@dataclass(frozen=True, slots=True)
class Container:
    """A container, or what lies under a prefix of it."""

    client: Any
    name: str
    prefix: str  # empty, or ending in /
    platform: str
    account: str | None
    labels: Mapping[str, str]

    @property
    def address(self) -> str:
        """As a Dataset names it."""
        return f"abfs://{self.name}/{self.prefix}".rstrip("/")

    @property
    def is_whole(self) -> bool:
        """No prefix was named."""
        return not self.prefix

    @property
    def resource_id(self) -> str | None:
        """A bill knows storage accounts, never containers."""
        return None

    def entries(self) -> Iterator[Entry | Unread]:
        """All blobs in the order of their names; what only marks a folder is left out."""
        asked = {"name_starts_with": self.prefix or None, "results_per_page": PAGE,
                 "include": ["metadata"]}  # fmt: skip
        found = iter(self.client.list_blobs(**asked))
        while (one := _call(lambda: next(found, None))) is not None:
            if (one.metadata or {}).get("hdi_isfolder") != "true":
                mark = one.content_settings.content_md5
                yield Entry(one.name[len(self.prefix) :], one.size, one.last_modified,
                            bytes(mark).hex() if mark else None, one.last_accessed_on)  # fmt: skip

    def sample(self, key: str, size_bytes: int) -> bytes:
        """The start and the end of a blob."""
        held = b""
        for first, last in ranges(size_bytes):
            asked = {"offset": first, "length": last - first + 1}
            held += _call(partial(self._read, f"{self.prefix}{key}", asked))
        return held

    def _read(self, name: str, asked: Mapping[str, int]) -> bytes:
        body: bytes = self.client.download_blob(name, **asked).readall()
        return body


def azure_stores(source: SourceSpec, miss: Miss) -> Iterator[Store]:
    """The container of a location, or every one of the account."""
    name, account, prefix = _parts(source.location)
    service = _service(source.location, account)
    names = [name]
    if name in {"", "*"}:
        names, prefix = [one.name for one in _call(lambda: list(service.list_containers()))], ""
    for one in names:
        client = service.get_container_client(one)
        yield Container(client, one, f"{prefix}/" if prefix else "",
                        source.platform or service.account_name, source.account,
                        _labels(client, one, miss))  # fmt: skip


def _parts(location: str) -> tuple[str, str | None, str]:
    """Container, account where the address names it, and prefix."""
    host, _, prefix = location.partition("://")[2].strip("/").partition("/")
    name, _, domain = host.partition("@")
    found = re.match(r"([a-z0-9]+)\.", domain)
    return name, found[1] if found else None, prefix


def _service(location: str, account: str | None) -> Any:
    """By the variables adlfs takes too; else signed in as azure-identity finds it."""
    try:
        from azure.identity import DefaultAzureCredential
        from azure.storage.blob import BlobServiceClient
    except ImportError as error:
        fix = "install it: pip install 'watermaster[azure]'"
        raise BadInputError(location, f"needs azure-storage-blob ({error})", fix) from None
    more: dict[str, Any] = {"retry_total": TRIES, "api_version": API_VERSION}
    told = os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
    if told and account is None:
        return BlobServiceClient.from_connection_string(told, **more)
    account = account or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    if not account:
        fix = (
            "write abfs://CONTAINER@ACCOUNT.dfs.core.windows.net, or set AZURE_STORAGE_ACCOUNT_NAME"
        )
        raise BadInputError(location, "names no storage account", fix)
    key = os.environ.get("AZURE_STORAGE_ACCOUNT_KEY") or os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    address = f"https://{account}.blob.core.windows.net"
    return BlobServiceClient(address, credential=key or DefaultAzureCredential(), **more)


def _labels(client: Any, name: str, miss: Miss) -> dict[str, str]:
    try:
        told = _call(client.get_container_properties)
    except UnreadError as error:
        miss(f"abfs://{name}", "tags", error.reason)
        return {}
    return dict(told.metadata or {})


def _call(ask: Callable[[], Any]) -> Any:
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        return ask()
    except HttpResponseError as error:
        code = getattr(error, "error_code", None) or error.status_code
        if error.status_code in {401, 403}:
            raise UnreadError(f"may not be read ({code}): {ROLE}") from None
        raise UnreadError(f"failed ({code}); try again") from None
    except AzureError as error:
        raise UnreadError(f"does not answer ({type(error).__name__}); try again") from None
