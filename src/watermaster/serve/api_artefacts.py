"""REST of artefacts, the access log and the audit log: what was registered, who read it, proofs."""

import datetime as dt
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response, StreamingResponse

from watermaster.flows import audit
from watermaster.flows.access import list_accesses
from watermaster.flows.artefacts import (
    ArtefactTold,
    Verified,
    attach,
    file_of,
    told_artefact,
    verify_version,
)
from watermaster.model.access import AccessAsked, AccessList, Verb
from watermaster.model.artefacts import read_manifest
from watermaster.model.errors import UsageError
from watermaster.serve.api import answer
from watermaster.serve.api_findings import CHANGES
from watermaster.serve.state import Shared

router = APIRouter(prefix="/api/v1", tags=["registry"])
MOST_BYTES: Final = 64 << 20
VERSION: Final = "/models/{name}/versions/{version}"


def no_more_than_fits(request: Request) -> None:
    """A body is told its length, and is no larger than a manifest of the most files."""
    told = request.headers.get("content-length", "")
    if not told.isdigit() or int(told) > MOST_BYTES:
        what = f"has a body of {told or 'unknown'} bytes"
        raise UsageError(request.url.path, what, f"send no more than {MOST_BYTES >> 20} MiB")


class ArtefactGiven(BaseModel):
    """What a version's files are; without a manifest the server reads them where they lie."""

    manifest: dict[str, Any] | None = Field(
        None, description='{"PATH": {"sha256": "...", "bytes": 1}}'
    )
    signature: str | None = Field(None, description="text of model.sig")


@router.get(f"{VERSION}/artefact", response_model=ArtefactTold)
def get_artefact(state: Shared, name: str, version: int) -> Response:
    """Digest, files and signature of a version, as registered."""
    return answer(told_artefact(state.project, name, version))


@router.post(
    f"{VERSION}/artefact",
    response_model=Verified,
    dependencies=[*CHANGES, Depends(no_more_than_fits)],
)
def post_artefact(state: Shared, name: str, version: int, given: ArtefactGiven) -> Response:
    """Bind a version to its files, once: `wm model attach`."""
    if given.manifest is None:
        if given.signature is not None:
            fix = "tell the manifest too, or lay model.sig beside the files"
            raise UsageError(f"{name} {version}", "a signature without its files", fix)
        return answer(attach(state.project, (name, version), None, None))
    manifest = read_manifest(given.manifest, f"{name} {version}")
    return answer(attach(state.project, (name, version), manifest, given.signature))


@router.post(f"{VERSION}/verification", response_model=Verified, dependencies=CHANGES)
def post_verification(state: Shared, name: str, version: int) -> Response:
    """Read a version's files where they lie and compare: `wm model verify`."""
    return answer(verify_version(state.project, name, version))


@router.get(f"{VERSION}/files/{{path:path}}", response_class=StreamingResponse)
def get_file(state: Shared, name: str, version: int, path: str) -> Response:
    """One file of a version; a changed one breaks off before its end and is never whole."""
    size_bytes, blocks = file_of(state.project, (name, version), path)
    headers = {} if size_bytes is None else {"content-length": str(size_bytes)}
    return StreamingResponse(blocks, media_type="application/octet-stream", headers=headers)


@router.get("/accesses", response_model=AccessList)
def get_accesses(
    state: Shared,
    thing: Annotated[str | None, Query(description="model/NAME[/VERSION], dataset/NAME")] = None,
    subject: Annotated[str | None, Query(description="who, as the source names them")] = None,
    verb: Annotated[Verb | None, Query(description="what was done")] = None,
    source: Annotated[str | None, Query(description="watermaster, or a Source")] = None,
    since: Annotated[dt.datetime | None, Query(description="from then on, UTC")] = None,
    until: Annotated[dt.datetime | None, Query(description="before then, UTC")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="rows, the newest")] = 200,
) -> Response:
    """Who read or changed which model and dataset, the newest first: `wm access list`."""
    asked = AccessAsked(
        thing=thing, subject=subject, verb=verb, source=source, since=_utc(since),
        until=_utc(until), limit=limit,
    )  # fmt: skip
    return answer(list_accesses(state.project, asked))


@router.get("/audit/verification", response_model=audit.Verified)
def get_audit_verification(state: Shared) -> Response:
    """Whether the log, evidence and artefacts are what was sealed: `wm audit verify`."""
    return answer(audit.verify(state.project))


@router.get("/audit/export", response_class=FileResponse)
def get_audit_export(state: Shared) -> Response:
    """The whole log with its proof, as `wm audit export --file` writes it, not signed."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl", delete=False) as held:
        path = Path(held.name)
    audit.export_file(state.project, path, None)
    return FileResponse(
        path, media_type="application/jsonl", filename="audit.jsonl",
        background=BackgroundTask(path.unlink, missing_ok=True),
    )  # fmt: skip


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    if moment is None:
        return None
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
