"""`wm model digest|sign|attach|verify|download`: what files a version has, and whose word it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watermaster.cli.call import examples, project, teller
from watermaster.cli.keys import Key, PasswordVariable, Public, private_key_of, public_key_of
from watermaster.cli.output import Table, show
from watermaster.model.errors import UsageError

if TYPE_CHECKING:
    from watermaster.flows.artefacts import StandingVerified, Verified

Place = Annotated[str, typer.Argument(metavar="PLACE", help="a folder, s3://, abfs://")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="name in the registry")]
Version = Annotated[int, typer.Argument(metavar="VERSION", min=1)]
SignatureFile = Annotated[
    Path | None,
    typer.Option("--signature", metavar="FILE", help="the signature; none: model.sig beside"),
]


def add_to(app: typer.Typer) -> None:
    """The commands, as commands of `wm model`."""
    app.command("digest", epilog=examples("wm model digest ./model", "wm model digest s3://m/v3"))(
        digest
    )
    app.command("sign", epilog=examples("wm model sign ./model --key release.pem"))(sign)
    app.command("attach", epilog=examples(
        "wm model attach claims-triage 13", "wm model attach claims-triage 13 --at ./model"))(
        attach
    )  # fmt: skip
    app.command("verify", epilog=examples(
        "wm model verify claims-triage 13", "wm model verify claims-triage 13 --at ./copy",
        "wm model verify --at ./model --public-key release.pub",
        "wm model verify --standing"))(verify)  # fmt: skip
    app.command("download", epilog=examples("wm model download claims-triage 13 --to ./model"))(
        download
    )


def digest(place: Place) -> None:
    """Print the digest of a model's files, and each file's sha256; no ledger is needed."""
    from watermaster.observe.artefact import manifest_at

    manifest = manifest_at(place, teller())
    rows = [
        {"file": path, "sha256": one.sha256, "bytes": one.bytes}
        for path, one in sorted(manifest.files.items())
    ]
    found = {"digest": manifest.digest, "bytes": manifest.bytes, "files": rows}
    show(found, Table(["file", "sha256", "bytes"], rows, above=[manifest.digest]))


def sign(
    place: Place, key: Key = None, password: PasswordVariable = None, out: SignatureFile = None
) -> None:
    """Sign a model's files as OpenSSF model signing does: offline, with a key; no ledger."""
    from watermaster.flows.signing import sign_folder

    held = private_key_of(key, password)
    if held is None:
        fix = "openssl ecparam -name prime256v1 -genkey -noout -out release.pem"
        raise UsageError("wm model sign", "--key is missing", f"make one: {fix}")
    done = sign_folder(place, held, out, teller())
    told = f"{done.signature}: {done.files} files signed, {done.digest}"
    show(done, Table([], [], empty=told))


def attach(
    model: Model,
    version: Version,
    at: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="a copy; none: where the version's files lie"),
    ] = None,
    signature: SignatureFile = None,
) -> None:
    """Read a version's files and keep their digest, once; gates and the door go by it."""
    from watermaster.flows.artefacts import attach_here

    _tell(attach_here(project(), (model, version), at, signature))


def verify(
    model: Annotated[str | None, typer.Argument(metavar="MODEL")] = None,
    version: Annotated[int | None, typer.Argument(metavar="VERSION", min=1)] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="a copy; none: where the version's files lie"),
    ] = None,
    public: Public = None,
    signature: SignatureFile = None,
    standing: Annotated[
        bool, typer.Option("--standing", help="every version that stands in a slot now")
    ] = False,
) -> None:
    """Compare a model's files with what was registered, or signed; exits 2 and names each other.

    Without MODEL and VERSION no ledger is asked: --at and --public-key tell what to verify.
    """
    from watermaster.flows.artefacts import verify_standing, verify_version
    from watermaster.flows.signing import verify_folder

    if standing:
        if model is not None or at is not None:
            raise UsageError("wm model verify", "--standing verifies all of them", "name none")
        return _tell_standing(verify_standing(project()))

    if model is not None and version is not None:
        return _tell(verify_version(project(), model, version, at))
    key = public_key_of(public)
    if at is None or key is None or model is not None:
        fix = "wm model verify MODEL VERSION, or --at PLACE --public-key PEM"
        raise UsageError("wm model verify", "does not say what to verify", fix)
    manifest = verify_folder(at, key, signature, teller())
    told = f"all {len(manifest.files)} files are as {key.name} signed them: {manifest.digest}"
    found = {"digest": manifest.digest, "signer": key.name, "files": len(manifest.files)}
    return show(found, Table([], [], empty=told))


def download(
    model: Model,
    version: Version,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="a new folder")],
) -> None:
    """Copy a version's files; they appear only when all of them are as registered and signed."""
    from watermaster.flows.artefacts import download as copy

    _tell(copy(project(), model, version, to))


def _tell_standing(found: "StandingVerified") -> None:
    rows = [
        {"model": one.model, "version": one.version, "files": one.files, "signer": one.signer,
         "found": "; ".join(broken.sentence for broken in one.breaks) or "as registered"}
        for one in found.verified
    ]  # fmt: skip
    columns = ["model", "version", "files", "signer", "found"]
    below = [f"not verified: {told}" for told in found.unread]
    show(found, Table(columns, rows, below=below, empty="no version stands in a slot"))
    if not found.is_whole:
        raise typer.Exit(2)


def _tell(found: "Verified") -> None:
    signed = f"signed by {found.signer}" if found.signer else f"not signed: {found.unsigned}"
    name = f"{found.model} {found.version}"
    above = [f"{name}: all {found.files} files are as registered, {signed}", found.digest]
    if found.breaks:
        above = [f"{name}: not as registered ({found.digest}), {signed}"]
    rows = [{"what": one.thing, "found": one.what} for one in found.breaks]
    show(found, Table(["what", "found"], rows, above=above, empty=""))
    if found.breaks:
        raise typer.Exit(2)
