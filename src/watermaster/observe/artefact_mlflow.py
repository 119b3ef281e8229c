"""Artefacts that only MLflow's tracking server can reach: mlflow-artifacts:/EXPERIMENT/RUN/..."""

import os
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

from watermaster.model.errors import BadInputError
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.observe.web import AnswerError, Web, web_of

SCHEME: Final = "mlflow-artifacts:"
PATH: Final = "/api/2.0/mlflow-artifacts/artifacts"
VARIABLES: Final = {  # who we are to a tracking server
    "token": "MLFLOW_TRACKING_TOKEN", "user": "MLFLOW_TRACKING_USERNAME",
    "password": "MLFLOW_TRACKING_PASSWORD",
}  # fmt: skip
_DEEPEST: Final = 20


@dataclass(frozen=True, slots=True)
class MlflowPlace:
    """A folder of artefacts behind a tracking server."""

    web: Web
    root: str

    @classmethod
    def of(cls, location: str) -> "MlflowPlace":
        """By its address, or MLFLOW_TRACKING_URI where it names no host."""
        server = os.environ.get("MLFLOW_TRACKING_URI", "")
        parts = urllib.parse.urlsplit(location)
        if parts.netloc and parts.netloc != urllib.parse.urlsplit(server).netloc:
            what = f"is kept by {parts.netloc}, which is not the tracking server that is trusted"
            raise BadInputError(location, what, f"set MLFLOW_TRACKING_URI to http://{parts.netloc}")
        if not server:
            fix = "set MLFLOW_TRACKING_URI to the address of the tracking server"
            raise BadInputError(location, "names no tracking server", fix)
        source = SourceSpec(type=SourceType.MLFLOW, location=server)
        return cls(web_of(source, VARIABLES), parts.path.strip("/"))

    def files(self) -> Iterator[tuple[str, int | None]]:
        """Folder by folder."""
        yield from self._walk("", 0)

    def open(self, path: str) -> "_Whole":
        """The bytes of one; an answer that breaks off is an error."""
        try:
            return _Whole(self.web.stream(f"{PATH}/{urllib.parse.quote(f'{self.root}/{path}')}"))
        except AnswerError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise FileNotFoundError(2, "is not there", path) from None
            raise

    def _walk(self, below: str, depth: int) -> Iterator[tuple[str, int | None]]:
        folder = urllib.parse.quote(f"{self.root}/{below}".rstrip("/"), safe="")
        told = self.web.get(f"{PATH}?path={folder}")
        for one in _listed(told, self.web.where(PATH)):
            path = f"{below}/{one['path']}".lstrip("/")
            if one.get("is_dir") and depth < _DEEPEST:
                yield from self._walk(path, depth + 1)
            else:
                yield path, int(one["file_size"]) if "file_size" in one else None


class _Whole:
    """An answer read by blocks; one that ends before its length is no file."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()

    def read(self, size: int) -> bytes:
        """The next block."""
        block: bytes = self.answer.read(size)
        if not block and self.answer.length:
            raise OSError(5, "the answer of the tracking server breaks off")
        return block


def _listed(told: Any, where: str) -> list[dict[str, Any]]:
    found = told.get("files", []) if isinstance(told, dict) else None  # none is left out
    if not isinstance(found, list) or not all("path" in one for one in found):
        raise BadInputError(where, "does not list artefacts", "give the address of MLflow itself")
    return found
