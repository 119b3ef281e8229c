"""`wm serve`: the pages and the API of this ledger."""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Final

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import say
from watermaster.model.errors import UsageError
from watermaster.model.events import tell_nobody

if TYPE_CHECKING:
    from watermaster.flows.open import Project

app = command_group()
LOCAL: Final = ("127.0.0.1", "localhost", "::1")


@app.command("serve", epilog=examples("wm serve", "wm serve --port 9000"))
def serve(
    host: Annotated[str, typer.Option(help="address to listen on; local ones only")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8080,
    sync: Annotated[bool, typer.Option(help="pull sources on their schedules meanwhile")] = True,
) -> None:
    """Serve the pages, the API and /metrics on this machine until Ctrl-C."""
    if host not in LOCAL:
        raise UsageError(
            f"--host {host}",
            "others could read every cost, because there is no sign-in yet",
            "serve on 127.0.0.1 and reach it through ssh -L, or put your own sign-in before it",
        )
    opened = project()
    with _syncing(opened) if sync else nullcontext():
        serve_project(opened, host, port)


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


def serve_project(opened: "Project", host: str, port: int) -> None:
    """Listen, print the address, and answer until the process is asked to end."""
    import socket

    import uvicorn

    from watermaster.serve.app import create_app

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"{host}:{port}", f"cannot be listened on ({error.strerror})", "take another --port"
            ) from None
        shown = f"[{host}]" if ":" in host else host
        say(f"Watermaster is served on http://{shown}:{listening.getsockname()[1]}/")
        settings = uvicorn.Config(create_app(opened), log_level="warning", access_log=False)
        uvicorn.Server(settings).run(sockets=[listening])
