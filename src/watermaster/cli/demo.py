"""`wm demo`: a company's year of AI cost, simulated, ingested, allocated, and shown."""

import datetime as dt
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from watermaster.cli.call import actor, command_group, examples, teller, the_call
from watermaster.cli.output import Table, say, show
from watermaster.model.errors import RefusedError

if TYPE_CHECKING:
    from watermaster.flows.demo import Arrival
    from watermaster.flows.open import Project
    from watermaster.testing.simulate.render import Simulated

DEMO_HOME: Final = Path("watermaster-demo")
END_MONTH: Final = "2026-10"
STANDING: Final = ("endpoint", "volume", "deployment", "notebook")  # kinds of things to change
WHOLE: Final = "complete"  # a file that says the demo was filled to its end
SETTLED_DAYS: Final = 21  # after the last month, when all bills and corrections are there

app = command_group("")


@app.command(
    "demo", epilog=examples("wm demo", "wm demo --months 3 --no-serve", "wm demo --seed 11")
)
def demo(
    months: Annotated[int, typer.Option(min=1, max=12, help="months to simulate")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="another seed, another year")] = 7,
    serve: Annotated[bool, typer.Option(help="serve the pages at the end")] = True,
    port: Annotated[int, typer.Option(help="of the pages")] = 8080,
) -> None:
    """Simulate Halden Group, 5,000 people, and show what its AI compute cost whom."""
    from watermaster.flows.demo import fill
    from watermaster.flows.init import initialise
    from watermaster.flows.open import open_project
    from watermaster.model.resources import SourceType
    from watermaster.testing.simulate.plan import Order
    from watermaster.testing.simulate.registry import register
    from watermaster.testing.simulate.render import simulate

    base = the_call().home_given or DEMO_HOME
    if _is_whole(base) and serve:
        say(f"the demo in {base} is there already and is shown; remove the folder to begin anew")
        _serve(base / "home", port)
    if base.exists() and any(base.iterdir()):
        raise RefusedError(str(base), "is there already", "remove it, or name another with --home")
    made = simulate(Order(seed, months, END_MONTH), base / "inputs", teller())
    now = made.plan.when.period.end + dt.timedelta(days=SETTLED_DAYS)
    files = [str((base / "models").resolve())]
    settings: dict[str, str | list[str]] = {
        "organisation": made.plan.company.name,
        "artefacts": files,
    }
    initialise(base / "home", made.estate, settings)
    project = open_project(base / "home", teller(), actor(), clock=lambda: now)
    kinds = {cluster.name: cluster.kind for cluster in made.plan.company.clusters}
    sources = [
        (name, SourceType.SLURM if kinds.get(name) == "slurm" else SourceType.USAGE)
        for name in made.sources
    ]
    found = fill(project, made.estate, arrivals(made), sources)
    _stand_up(project, base)
    register(project, base)
    (base / WHOLE).touch()
    rows = [{"what": h.what, "cost": round(h.cost, 2), "where": h.where} for h in found.headlines]
    above = [f"{made.plan.company.name}, {found.months[0]} to {found.months[-1]}, in USD"]
    below = [f"wm --home {base / 'home'} cost by team", f"wm --home {base / 'home'} status"]
    show(found, Table(["what", "cost", "where"], rows, above=above, below=below))
    if serve:
        _serve(base / "home", port)


def _stand_up(project: "Project", base: Path) -> None:
    """What was seen stands as files, so that fixes of the demo have something to change."""
    from watermaster.flows.declare import apply, plan
    from watermaster.flows.native_things import ThingsAsked, list_things
    from watermaster.testing.simulated_target import build

    things = [row.thing for row in list_things(project, ThingsAsked()).rows]
    worlds: dict[str, dict[str, dict[str, object]]] = {}
    for one in things:
        if one.kind in STANDING:
            worlds.setdefault(one.platform, {})[f"{one.kind}/{one.uid}"] = {
                "replicas": max(one.gpus or 1, 1), "state": one.state, "tags": dict(one.labels)
            }  # fmt: skip
    documents = []
    for platform, held in sorted(worlds.items()):
        build(base / "platform" / platform, held)
        documents.append(
            "apiVersion: watermaster/v1\nkind: Target\n"
            f"metadata: {{name: {platform}-writes}}\n"
            f"spec: {{type: simulated, platform: {platform}, verbs: [scale, snapshot-delete],\n"
            f"       location: {(base / 'platform' / platform).resolve()}}}\n"
        )
    file = base / "targets.yaml"
    file.write_text("---\n".join(documents), encoding="utf-8")
    apply(project, plan(project, [str(file)]))


def _is_whole(base: Path) -> bool:
    return (base / WHOLE).exists()


def arrivals(made: "Simulated") -> list["Arrival"]:
    """The folders of first deliveries, then what came again, in the order it came."""
    from watermaster.flows.demo import Arrival

    first: dict[str, Arrival] = {}
    later = []
    for bill in made.bills:
        if bill.path.parent.name == bill.source:
            folder = str(bill.path.parent)
            first.setdefault(bill.source, Arrival(bill.source, folder))
        else:
            later.append(Arrival(bill.source, str(bill.path)))
    return [*first.values(), *later]


def _serve(home: Path, port: int) -> None:
    """Start the pages where this version has them."""
    if find_spec("watermaster.cli.serve") is None:
        say("this version has no pages yet; the ledger answers wm cost")
        return
    from watermaster.cli.main import run

    raise typer.Exit(run(["--home", str(home), "serve", "--port", str(port)]))
