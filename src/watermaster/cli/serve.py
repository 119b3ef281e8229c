"""`wm serve`: the pages and the API of this ledger."""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import say
from watermaster.model.errors import UsageError
from watermaster.model.events import tell_nobody

if TYPE_CHECKING:
    from fastapi import FastAPI

    from watermaster.flows.events import Refusals
    from watermaster.flows.open import Project

app = command_group()
LOCAL: Final = ("127.0.0.1", "localhost", "::1")


class Part(StrEnum):
    """What can be served alone."""

    REGISTRY = "registry"  # the model registry, to MLflow's clients


@dataclasses.dataclass(frozen=True, slots=True)
class Certificate:
    """What the server shows to be believed over https."""

    chain: Path
    key: Path


@app.command(
    "serve",
    epilog=examples(
        "wm serve",
        "wm serve --port 9000",
        "wm serve --only registry",
        "wm serve --host 0.0.0.0 --port 443 --tls-cert chain.pem --tls-key key.pem",
    ),
)
def serve(
    host: Annotated[
        str, typer.Option(help="address to listen on; other than local ones need signIn")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8080,
    only: Annotated[
        Part | None,
        typer.Option(help="serve one part alone, in a small process; nothing is pulled"),
    ] = None,
    sync: Annotated[bool, typer.Option(help="pull sources on their schedules meanwhile")] = True,
    tls_cert: Annotated[Path | None, typer.Option(help="certificate with its chain, PEM")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="its key, PEM")] = None,
) -> None:
    """Serve the pages, the API and /metrics until Ctrl-C: on this machine, or after sign-in."""
    opened = project()
    shown = _certificate(tls_cert, tls_key)
    _check_host(opened, host, shown)
    with _syncing(opened) if sync and only is None else nullcontext():
        serve_project(opened, (host, port), shown, only)


def _certificate(chain: Path | None, key: Path | None) -> Certificate | None:
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise UsageError("--tls-cert", "needs --tls-key, and it this", "give both")
    for path in (chain, key):
        if not path.is_file():
            raise UsageError(str(path), "is no file", "name a PEM file")
    return Certificate(chain, key)


def _check_host(opened: "Project", host: str, shown: Certificate | None) -> None:
    """Nothing leaves this machine before it knows who is asking, and over what."""
    if host in LOCAL:
        return
    spec = opened.config.sign_in
    if spec is None:
        raise UsageError(
            f"--host {host}",
            "others could read and change everything, because nobody signs in",
            "set up signIn in config.yaml (docs/how-to/sign-in.md), or serve on 127.0.0.1",
        )
    if shown is None and not spec.plain_http and not spec.proxies:
        raise UsageError(
            f"--host {host}",
            "others could read sessions on their way, because nothing encrypts them",
            "give --tls-cert and --tls-key, or name the proxies that do in signIn.proxies",
        )


@contextmanager
def _syncing(opened: "Project") -> Iterator[None]:
    """Pull what becomes due, and watch what can be watched, in threads, until the server ends."""
    from watermaster.cli.attend import attending
    from watermaster.flows.watch import keep_up

    ended = threading.Event()
    quiet = dataclasses.replace(opened, tell=tell_nobody)
    runner = threading.Thread(
        target=keep_up, args=(quiet, ended.wait, attending(quiet)), name="sync"
    )
    runner.start()
    try:
        yield
    finally:
        ended.set()
        runner.join()


def _app_of(opened: "Project", only: Part | None) -> "FastAPI":
    if only is Part.REGISTRY:
        from watermaster.serve.registry_app import create_registry_app

        return create_registry_app(opened)
    from watermaster.serve.app import create_app

    return create_app(opened)


def serve_project(
    opened: "Project",
    address: tuple[str, int],
    shown: Certificate | None = None,
    only: Part | None = None,
) -> None:
    """Listen, print the address, and answer until the process is asked to end."""
    import socket

    import uvicorn

    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named as TCP, else asyncio leaves Nagle on, and each answer waits 40 ms for an ACK
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"{host}:{port}", f"cannot be listened on ({error.strerror})", "take another --port"
            ) from None
        name = f"[{host}]" if ":" in host else host
        kind, spec = "https" if shown else "http", opened.config.sign_in
        say(f"Watermaster is served on {kind}://{name}:{listening.getsockname()[1]}/")
        say(f"People sign in at {spec.public_url}" if spec else "Nobody signs in: local admin")
        served = _app_of(opened, only)
        settings = uvicorn.Config(
            served,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=bool(spec and spec.proxies),
            forwarded_allow_ips=spec.proxies if spec else [],
            ssl_certfile=shown.chain if shown else None,
            ssl_keyfile=shown.key if shown else None,
        )
        with _telling(opened, served.state.watermaster.refusals):
            uvicorn.Server(settings).run(sockets=[listening])


@contextmanager
def _telling(opened: "Project", refusals: "Refusals") -> Iterator[None]:
    """Hand events to whoever watches security, in a thread, until the server ends."""
    from watermaster.flows.events import keep_telling

    if not opened.config.events:
        yield
        return
    ended = threading.Event()
    teller = threading.Thread(
        target=keep_telling, args=(opened, refusals, ended.wait), name="events"
    )
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()
