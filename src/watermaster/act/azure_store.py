"""The blobs of one storage account, as the identity that may write sees them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from watermaster.act.azure_arm import credential_of
from watermaster.act.listing import Object
from watermaster.act.verbs import PlatformError
from watermaster.model.acts import TargetSpec
from watermaster.model.errors import (
    BadResourceError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)

SCHEMES: Final = ("abfs", "abfss", "az")
API_VERSION: Final = "2024-08-04"
TRIES: Final = 5
WRITER: Final = "Storage Blob Data Contributor"
DONE: Final = "success"
Place = tuple[str, str]  # container, and prefix that is empty or ends in /


class BlobStore:
    """Blobs are named from their prefix on; their mark is the digest of their content."""

    def __init__(self, spec: TargetSpec) -> None:
        self.spec = spec

    def blobs(self, where: str, place: Place) -> dict[Object, str | None]:
        """All whole blobs in the order of their names, and their tier."""
        container, prefix = place
        with told(where):
            client = self._service.get_container_client(container)
            listed = client.list_blobs(name_starts_with=prefix, include=["metadata", "copy"])
            found = {}
            for one in listed:
                is_folder = (one.metadata or {}).get("hdi_isfolder") == "true"
                if one.copy.status in {None, DONE} and not is_folder:
                    md5 = one.content_settings.content_md5
                    name = one.name[len(prefix) :]
                    found[Object(name, one.size, bytes(md5).hex() if md5 else "")] = one.blob_tier
        return found

    def copy(self, name: str, places: tuple[Place, Place], tier: str | None) -> None:
        """Copy one within the account; its metadata and types come along."""
        from azure.storage.blob import StandardBlobTier

        source, there = self._blob(name, places[0]), self._blob(name, places[1])
        try:
            more = {"standard_blob_tier": StandardBlobTier(tier)} if tier else {}
        except ValueError:
            fix = f"write {', '.join(one.value for one in StandardBlobTier)}"
            raise BadResourceError("options.tier", f"{tier!r} is no tier", fix) from None
        with told(there.url):
            there.start_copy_from_url(source.url, **more)

    def delete(self, name: str, place: Place) -> None:
        """One that is gone already is no fault."""
        blob = self._blob(name, place)
        try:
            with told(blob.url):
                blob.delete_blob()
        except NotFoundError:
            return

    def read(self, name: str, place: Place) -> bytes | None:
        """The content; None where there is none."""
        blob = self._blob(name, place)
        try:
            with told(blob.url):
                body: bytes = blob.download_blob().readall()
        except NotFoundError:
            return None
        return body

    def write(self, name: str, place: Place, body: bytes) -> None:
        """Keep a small blob of our own."""
        blob = self._blob(name, place)
        with told(blob.url):
            blob.upload_blob(body, overwrite=True)

    def _blob(self, name: str, place: Place) -> Any:
        return self._service.get_blob_client(place[0], f"{place[1]}{name}")

    @cached_property
    def _service(self) -> Any:
        """By the connection string in the variable named, else as the identity that may write."""
        try:
            from azure.storage.blob import BlobServiceClient
        except ImportError as error:
            fix = "install it: pip install 'watermaster[azure]'"
            raise BadResourceError(
                "type: azure", f"needs azure-storage-blob ({error})", fix
            ) from None
        more: dict[str, Any] = {"retry_total": TRIES, "api_version": API_VERSION}
        if variable := self.spec.options.get("connection"):
            text = os.environ.get(variable)
            if not text:
                fix = "set it to the connection string that may write"
                raise BadResourceError("options.connection", f"{variable} is not set", fix)
            return BlobServiceClient.from_connection_string(text, **more)
        account = self.spec.location.strip()
        if not account:
            raise BadResourceError("location", "names no storage account", "write its name")
        address = f"https://{account}.blob.core.windows.net"
        return BlobServiceClient(address, credential=credential_of(self.spec), **more)


def place_of(address: str) -> Place:
    """Container and prefix of abfs://CONTAINER[@ACCOUNT]/PREFIX."""
    scheme, _, rest = address.partition("://")
    host, _, prefix = rest.strip("/").partition("/")
    container = host.partition("@")[0]
    if scheme not in SCHEMES or not container:
        raise RefusedError(address, "is no place in Azure blob storage",
                           "write abfs://CONTAINER/PREFIX")  # fmt: skip
    return container, f"{prefix}/" if prefix else ""


@contextmanager
def told(where: str) -> Iterator[None]:
    """Raise Azure's errors as ours."""
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except HttpResponseError as error:
        code = getattr(error, "error_code", None) or error.status_code
        if error.status_code in {401, 403}:
            grant = f"grant {WRITER} on the storage account"
            raise NotAllowedError(where, f"may not be changed ({code})", grant) from None
        if error.status_code == 404:
            raise NotFoundError(where, f"is not there ({code})", "look again: wm sync") from None
        raise PlatformError(where, f"failed ({code})", "mend it there, then try again") from None
    except AzureError as error:
        what = f"got no answer ({type(error).__name__})"
        raise PlatformError(where, what, "try again") from None
