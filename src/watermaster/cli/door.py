"""`wm door`: the cluster's door."""

import io
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import say
from watermaster.model.errors import UsageError

if TYPE_CHECKING:
    from starlette.applications import Starlette

app = command_group("The cluster's door: no workload runs a model that has not passed its gates.")
Environment = Annotated[str, typer.Option(help="whose gates; the value of the namespaces' label")]


@app.callback()
def _group() -> None:
    """The cluster's door: no workload runs a model that has not passed its gates."""


class Only(StrEnum):
    """A part of what a cluster is given."""

    HOOK = "hook"
    POLICY = "policy"
    PASSED = "passed"


@app.command("serve", epilog=examples(
    "wm door serve --tls-cert door.pem --tls-key door.key",
    "wm door serve --tls-cert door.pem --tls-key door.key --client-ca ca.pem"))  # fmt: skip
def serve(
    tls_cert: Annotated[Path, typer.Option(help="certificate with its chain, PEM")],
    tls_key: Annotated[Path, typer.Option(help="its key, PEM")],
    host: Annotated[
        str, typer.Option(help="address to listen on; in a container: ::")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8443,
    client_ca: Annotated[
        Path | None,
        typer.Option(help="answer only who shows a certificate that this PEM signed"),
    ] = None,
) -> None:
    """Answer the admission webhooks of clusters until Ctrl-C; nothing else can be asked here."""
    from watermaster.serve.door import create_door

    for path in (tls_cert, tls_key, client_ca):
        if path is not None and not path.is_file():
            raise UsageError(str(path), "is no file", "name a PEM file")
    files = {"ssl_certfile": tls_cert, "ssl_keyfile": tls_key, "ssl_ca_certs": client_ca}
    _run(create_door(project()), (host, port), files)


def _run(door: "Starlette", at: tuple[str, int], files: dict[str, Any]) -> None:
    import socket
    import ssl

    import uvicorn

    host, port = at
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            what = f"cannot be listened on ({error.strerror})"
            raise UsageError(f"{host}:{port}", what, "take another --port") from None
        shows = ssl.CERT_REQUIRED if files["ssl_ca_certs"] else ssl.CERT_NONE
        try:
            settings = uvicorn.Config(
                door, log_level="warning", access_log=False, server_header=False,
                ssl_cert_reqs=shows, **{name: path for name, path in files.items() if path},
            )  # fmt: skip
            settings.load()
        except (ssl.SSLError, OSError) as error:
            raise UsageError("--tls-cert", f"cannot be used ({error})", "name PEM files") from None
        say(f"The door answers on https://{host}:{listening.getsockname()[1]}/admit/ENVIRONMENT")
        uvicorn.Server(settings).run(sockets=[listening])


@app.command("render", epilog=examples(
    "wm door render --service watermaster/door --ca ca.pem | kubectl apply -f -",
    "wm door render --url https://door.example.com:8443 --ca ca.pem > door.yaml",
    "wm door render --only passed | kubectl apply -f -"))  # fmt: skip
def render(
    environment: Environment = "production",
    url: Annotated[str | None, typer.Option(help="https:// address of the door")] = None,
    service: Annotated[
        str | None, typer.Option(help="NAMESPACE/NAME[:PORT], where it runs in the cluster")
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="PEM of who signed its certificate")] = None,
    namespace: Annotated[str, typer.Option(help="where the digests that passed lie")] = "default",
    only: Annotated[Only | None, typer.Option(help="a part of it; none: all")] = None,
) -> None:
    """Print what a cluster needs to ask the door: webhook, policy, and the digests that passed."""
    from watermaster.flows import door_render as door

    opened = project()
    where = door.Where(
        environment=environment, url=url, service=service, ca=ca, namespace=namespace
    )
    found = []
    if only in {None, Only.HOOK}:
        found.append(door.webhook(opened, where))
    if only in {None, Only.POLICY}:
        found += door.policy(opened, where)
    if only in {None, Only.PASSED}:
        found.append(door.passed_map(opened, where))
    typer.echo(_yaml(found), nl=False)


def _yaml(documents: list[dict[str, Any]]) -> str:
    from ruamel.yaml import YAML

    writer, out = YAML(), io.StringIO()
    writer.width = WIDTH
    writer.dump_all(documents, out)
    return out.getvalue()


WIDTH: Final = 4096
