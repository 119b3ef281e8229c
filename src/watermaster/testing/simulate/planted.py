"""Every class of finding of the estate, planted, and beside each what only looks like it."""

from datetime import timedelta
from typing import Any, Final

from watermaster.testing.simulate.cloud import MICRO
from watermaster.testing.simulate.company import Company
from watermaster.testing.simulate.things import HERE, SANDBOX, THERE, Busy, Planter, flat, peaks

GONE_TEAM: Final = "claims-legacy"
SILENT_A100: Final = "document-summary-legacy"
HISTORY_DAYS: Final = 90
Told = dict[str, Any]


def plant_estate(make: Planter, company: Company) -> None:
    """All classes, in the order of docs/reference/findings.md."""
    make.teams = [team.name for team in company.teams]
    for plant in (
        _undeclared, _ambiguous, _gone_team, _inactive, _oversized, _newer, _at_rest, _endpoints,
        _not_running, _silent_work, _births, _ends, _zombies, _runaways, _copies, _half_empty,
        _twins, _sprawl, _data,
    ):  # fmt: skip
        plant(make)


def _undeclared(make: Planter) -> None:
    """Endpoints and keys of external models that nobody declared; others miss only a label."""
    for turn in make.times():
        name = make.name()
        if turn % 2:
            arn, line = make.machine(1, (None, None))
            one = make.item("endpoint", uid=name, resource_id=arn, gpus=1, asked=(40, 31))
        else:
            arn = make.arn("api-key")
            line = make.line(arn, float(make.dice.integers(20, 90)), (None, None))
            one = make.item("api-key", uid=name, resource_id=arn, asked=(900, 31))
        make.true("undeclared-workload", one.subject, line)
        known, _ = make.running("endpoint", asked=(30, 31))
        make.alike("undeclared-workload", known.subject)


def _ambiguous(make: Planter) -> None:
    """Things that two workloads claim with the same label."""
    for _ in make.times():
        stem, team = make.name(), make.team()
        for twin in ("", "-b"):
            make.work(team, f"{stem}{twin}", stage="idea",
                      selectors=[{"labels": {"service": stem}}])  # fmt: skip
        arn, line = make.machine(1, (None, None))
        one = make.item("endpoint", uid=stem, labels=(("service", stem),), resource_id=arn,
                        asked=(50, 31))  # fmt: skip
        make.true("ambiguous-selector", one.subject, line)


def _gone_team(make: Planter) -> None:
    """Workloads of a team that was dissolved; those of one that ends next year are fine."""
    last = make.when.period.end.date()
    spec = {"unit": "Claims", "contacts": {"owner": "claims@halden.example"}}
    for name, days in ((GONE_TEAM, -60), ("claims-archive", 300)):
        make.declare("Team", name, None, **spec, until=last + timedelta(days=days))
    for _ in make.times():
        for team in (GONE_TEAM, "claims-archive"):
            name = make.work(team)
            line = make.line(make.arn("transform"), 120.0, (name, team))
            if team == GONE_TEAM:
                make.true("gone-team", f"workload/{name}", line)
            else:
                make.alike("gone-team", f"workload/{name}")


def _inactive(make: Planter) -> None:
    """Held and not used; others are used a little, were not measured, or rest at night."""
    for turn in make.times():
        if turn % 2:
            one, line = make.running("instance", busy=flat(0.01))
            share = 1.0
        else:
            quiet = len(make.days) - 20
            stops = _until(quiet * 24)
            one, line = make.running("endpoint", busy=stops, used_days=20)
            share = 20 / len(make.days)
        make.true("inactive-gpu", one.subject, line, share=share)
        for busy, unmeasured in ((flat(0.09), 0.0), (flat(0.0), 0.3), (peaks(0.01, 0.8, 8), 0.0)):
            other, _ = make.running("instance", busy=busy, unmeasured=unmeasured)
            make.alike("inactive-gpu", other.subject)


def _until(hours: int) -> Busy:
    return lambda hour: 0.5 if hour < hours else 0.0


def _oversized(make: Planter) -> None:
    """Sized for an hour that comes once in a while; others need their GPUs on most days."""
    for turn in make.times():
        gpus = (4, 8)[turn % 2]
        one, line = make.running("instance", gpus, busy=peaks(0.12, 0.35, 30))
        make.true("oversized-request", one.subject, line)
        other, _ = make.running("instance", gpus, busy=peaks(0.1, 0.85, 9))
        make.alike("oversized-request", other.subject)


def _newer(make: Planter) -> None:
    """H100 for what an older one does; others fill its memory or its cores."""
    for turn in make.times():
        told: Told = {"accelerator": "H100", "memory_gib": 12 + turn}
        one, line = make.running("instance", busy=flat(0.14), **told)
        make.true("newer-accelerator", one.subject, line)
        for more in ({"memory_gib": 74}, {"busy": flat(0.62)}, {"accelerator": "A100"},
                     {"memory_gib": None}):  # fmt: skip
            other, _ = make.running("instance", **{"busy": flat(0.14)} | told | more)
            make.alike("newer-accelerator", other.subject)


def _at_rest(make: Planter) -> None:
    """Volumes, snapshots and checkpoints that nothing holds, and those that something does."""
    for _ in make.times():
        team = make.team()
        volume = {"kind": "volume", "state": "available", "used_days": 45}
        kept = {"kind": "snapshot", "state": "completed"}
        saved = {"kind": "checkpoint"}
        there = _stored(make, team, kind="volume", state="in-use")[0]
        for rule, true, alike in (
            ("orphaned-volume", volume, (
                volume | {"used_days": 3}, volume | {"state": "in-use"}, volume | {"last_days": 9},
            )),
            ("orphaned-snapshot", kept | {"parent_uid": "vol-gone"}, (
                kept | {"parent_uid": there}, kept | {"parent_uid": "vol-gone", "made_days": 9},
            )),
            ("orphaned-checkpoint", saved, (
                saved | {"made_days": 12}, saved | {"workload": make.work(team)},
            )),
        ):  # fmt: skip
            subject, line = _stored(make, team, **true)
            make.true(rule, f"{true['kind']}/{HERE}/{subject}", line)
            for look in alike:
                make.alike(rule, _stored(make, team, **look)[0])


def _stored(make: Planter, team: str, **told: Any) -> tuple[str, int]:
    """Something at rest that is billed, of a team or of its workload."""
    work = told.get("workload")
    arn = make.arn(str(told["kind"]))
    line = make.line(arn, float(make.dice.integers(2, 30)), (work, team))
    uid = f"{str(told['kind'])[:4]}-{arn[-12:]}"
    make.item(uid=uid, team=team, resource_id=arn, size_bytes=10**11, **told)
    return uid, line


def _endpoints(make: Planter) -> None:
    """Endpoints and notebooks that nobody asked for a month; others are not counted."""
    legacy: Told = {"gpus": 8, "used_days": 34, "accelerator": "A100"}
    for turn in make.times():
        for kind in ("endpoint", "notebook"):
            first = kind == "endpoint" and turn == 0
            told: Told = legacy | {"uid": SILENT_A100} if first else {"used_days": 36 + 4 * turn}
            gpus = int(told.pop("gpus", 1))
            one, line = make.running(kind, gpus, asked=(0, 31), busy=flat(0.0), **told)
            make.true(f"orphaned-{kind}", one.subject, line)
            if kind == "notebook":  # an experiment, and nobody asked it for a month
                make.true("sunset-experiment", f"workload/{one.workload}", line)
            for look in ({}, {"used_days": 12, "busy": flat(0.3)}, {"asked": (4, 31)}):
                other, _ = make.running(kind, **look)
                make.alike(f"orphaned-{kind}", other.subject)
                if kind == "notebook":
                    make.alike("sunset-experiment", f"workload/{other.workload}")


def _not_running(make: Planter) -> None:
    """Declared in production and nowhere to be seen; others are billed, seen, or only planned."""
    for _ in make.times():
        team = make.team()
        make.true("declared-not-running", f"workload/{make.work(team)}")
        make.alike("declared-not-running", f"workload/{make.work(team, stage='idea')}")
        billed = make.work(team)
        make.line(make.arn("transform"), 15.0, (billed, team))
        seen, _ = make.running("instance", last_days=5)
        for name in (billed, seen.workload):
            make.alike("declared-not-running", f"workload/{name}")


def _silent_work(make: Planter) -> None:
    """Costs and is asked by nobody for 60 days; others are asked, read, or counted only lately."""
    for _ in make.times():
        one, line = make.running("instance", asked=(0, HISTORY_DAYS))
        make.true("consuming-without-delivering", f"workload/{one.workload}", line)
        for look in ({"asked": (2, HISTORY_DAYS)}, {"asked": (0, 25)}, {},
                     {"asked": (0, HISTORY_DAYS), "used_days": 20}):  # fmt: skip
            other, _ = make.running("instance", **look)
            make.alike("consuming-without-delivering", f"workload/{other.workload}")


def _births(make: Planter) -> None:
    """Experiments that lack a budget, an end or a team; others say it all, or are none."""
    for turn in make.times():
        lacks = ("budget", "endDate")[turn % 2]
        for look, spec in (
            ("lacks", {lacks: None}), ("idle", {lacks: None, "purpose": "evaluation"}),
            ("says", {}), ("over", {lacks: None, "stage": "retired"}),
            ("none", {lacks: None, "purpose": "evaluation", "stage": "production"}),
        ):  # fmt: skip
            team = make.team()
            told: Told = {"purpose": "experiment", "stage": "experiment"} | spec
            name = make.work(team, **told)
            costs = look in {"lacks", "says", "none"}
            lines = [make.line(make.arn("transform"), 45.0, (name, team))] if costs else []
            if look in {"lacks", "idle"}:
                make.true("experiment-without-budget", f"workload/{name}", *lines)
            else:
                make.alike("experiment-without-budget", f"workload/{name}")


def _ends(make: Planter) -> None:
    """Experiments that end within two weeks; others end later, cost nothing, or are none."""
    end = make.when.period.end.date()
    for turn in make.times():
        soon, later = end + timedelta(days=turn % 13), end + timedelta(days=21 + turn)
        for ends, costs, stage in (
            (soon, True, "experiment"), (later, True, "experiment"),
            (soon, False, "experiment"), (soon, True, "production"),
        ):  # fmt: skip
            team = make.team()
            name = make.work(team, purpose="evaluation", stage=stage, endDate=ends)
            lines = [make.line(make.arn("transform"), 55.0, (name, team))] if costs else []
            if ends == soon and costs and stage == "experiment":
                make.true("experiment-ends-soon", f"workload/{name}", *lines)
            else:
                make.alike("experiment-ends-soon", f"workload/{name}")


def _zombies(make: Planter) -> None:
    """Experiments past their end that cost; others cost nothing, or may still run."""
    end = make.when.period.end.date()
    for turn in make.times():
        team = make.team()
        past, later = end - timedelta(days=20 + turn), end + timedelta(days=30)
        for stage, ends, costs in (
            ("experiment", past, True), ("experiment", past, False), ("experiment", later, True),
        ):  # fmt: skip
            name = make.work(team, purpose="experiment", stage=stage, endDate=ends)
            lines = [make.line(make.arn("transform"), 60.0, (name, team))] if costs else []
            if costs and ends < end:
                make.true("zombie-experiment", f"workload/{name}", *lines)
            else:
                make.alike("zombie-experiment", f"workload/{name}")


def _runaways(make: Planter) -> None:
    """Experiments that forget machines for days; others have dear days apart, or are meant."""
    for _ in make.times():
        team, first = make.team(), make.days[0] + int(make.dice.integers(2, 17))
        for stage, step, per_day in (
            ("experiment", 1, 700.0), ("experiment", 3, 700.0), ("production", 1, 700.0),
            ("experiment", 1, 60.0),
        ):  # fmt: skip
            name = make.work(team, purpose="experiment", stage=stage)
            base = make.line(make.arn("transform"), 90.0, (name, team))
            span = range(first, min(first + 10 * step, make.days[-1] + 1), step)
            if step > 1:  # the same machines, harder at work on some days
                make.bill.daily[base][list(span)] += round(per_day * MICRO)
                make.alike("runaway-experiment", f"workload/{name}")
                continue
            lines = [make.line(make.arn("training"), per_day / 2, (name, team), span)
                     for _ in range(2)]  # fmt: skip
            if stage == "experiment" and per_day > 100:
                make.true("runaway-experiment", f"workload/{name}", *lines)
            else:
                make.alike("runaway-experiment", f"workload/{name}")


def _copies(make: Planter) -> None:
    """One digest served or stored twice; others are busy replicas, parts, or other digests."""
    for turn in make.times():
        for busy, places in ((0.3, (HERE, HERE)), (0.75, (HERE, THERE))):
            digest = f"sha256:served{turn}{places[1]}"
            pair = [make.running("endpoint", artefact=digest, platform=place, busy=flat(busy))
                    for place in places]  # fmt: skip
            if places[0] == places[1]:
                make.true("duplicate-artefact", f"artefact/{digest}", pair[1][1])
            else:
                make.alike("duplicate-artefact", f"artefact/{digest}")
        whole, _ = make.running("inference-service", artefact=f"sha256:part{turn}")
        make.item("deployment", uid=f"{whole.uid}-predictor", parent_uid=whole.uid,
                  workload=whole.workload, team=whole.team, artefact=whole.artefact)  # fmt: skip
        make.alike("duplicate-artefact", f"artefact/{whole.artefact}")
        _stored_twice(make, turn)


def _stored_twice(make: Planter, turn: int) -> None:
    team = make.team()
    for look in ("copy", "declared", "other"):
        digest = f"sha256:{look}{turn}"
        places = [f"s3://halden-{make.name()}/{look}" for _ in range(2)]
        costs = (40.0, 25.0)
        lines = []
        for place, cost in zip(places, costs, strict=True):
            arn = make.arn("prefix")
            lines.append(make.line(arn, cost, (None, team)))
            told = digest if look != "other" else f"{digest}{place[-18:]}"
            make.item("prefix", uid=place, name=place, team=team, resource_id=arn, artefact=told,
                      size_bytes=10**12)  # fmt: skip
        if look == "declared":
            make.declare("Dataset", make.name(), team, locations=places)
        if look == "copy":
            make.true("duplicate-dataset", f"artefact/{digest}", lines[1])
        else:
            make.alike("duplicate-dataset", f"artefact/{digest}")


def _half_empty(make: Planter) -> None:
    """Two services of one base model that one could be; others are busy, elsewhere, or differ."""
    for _ in make.times():
        base = f"{make.name()}-7b"
        for look, busy, places, bases in (
            ("low", (0.3, 0.15), (HERE, HERE), (base, base)),
            ("busy", (0.8, 0.6), (HERE, HERE), (f"{base}-x", f"{base}-x")),
            ("far", (0.8, 0.7), (HERE, THERE), (f"{base}-y", f"{base}-y")),
            ("differ", (0.3, 0.15), (HERE, HERE), (f"{base}-z", f"{base}-w")),
        ):  # fmt: skip
            pair = []
            for level, place, on in zip(busy, places, bases, strict=True):
                model = make.name()
                make.declare("Model", model, make.team(), purpose=model, baseModel=on)
                spec = {"model": model}
                pair.append(make.running("endpoint", busy=flat(level), platform=place,
                                         asked=(90, 31), spec=spec))  # fmt: skip
            (one, _), (other, line) = sorted(pair, key=lambda held: held[0].workload or "")
            subject = f"workload/{one.workload}+{other.workload}"
            if look == "low":
                make.true("duplicate-endpoint", subject, line)
            else:
                make.alike("duplicate-endpoint", subject)


def _twins(make: Planter) -> None:
    """Two teams that build the same; others share a name, or data, or a base model, only."""
    for _ in make.times():
        first = make.team()
        noun, verb = make.name().split("-")
        base, data = f"{noun}-{verb}-base", make.name()
        make.declare("Dataset", data, first, locations=[f"s3://halden-{data}"])
        for team, name, on, reads in (
            (first, f"{noun}-{verb}-tune", base, data),
            (make.team(first), f"{noun}s-{verb}-tuning", base, data),
            (make.team(first), f"{verb}-{noun}-tune-2", f"{base}-other", data),
            (make.team(first), f"{make.name()}-eval", base, data),
        ):
            model = f"{name}-model"
            make.declare("Model", model, team, purpose=model, baseModel=on)
            work = make.work(team, name, purpose="fine-tuning", model=model, datasets=[reads])
            line = make.line(make.arn("training"), 30.0, (work, team))
            if name.endswith("-tuning"):
                names = sorted((f"{noun}-{verb}-tune", name))
                make.true("twin-builds", f"workload/{names[0]}+{names[1]}", line)
            else:
                make.alike("twin-builds", f"workload/{name}")


def _sprawl(make: Planter) -> None:
    """Many models of one base; four are not many."""
    for _ in make.times():
        for models in (6, 4):
            base = f"{make.name()}-{models}b"
            for number in range(models):
                make.declare("Model", f"{base}-{number}", make.team(), purpose="x", baseModel=base)
            if models == 6:
                make.true("model-sprawl", f"base-model/{base}")
            else:
                make.alike("model-sprawl", f"base-model/{base}")


def _data(make: Planter) -> None:
    """Sensitive data in development, and data that a workload does not declare."""
    for turn in make.times():
        held, lies = make.name(), "s3://halden-" + make.name()
        kind = ("health", "personal")[turn % 2]
        make.declare("Dataset", held, make.team(), locations=[lies], classification=kind)
        plain, at = make.name(), "s3://halden-" + make.name()
        make.declare("Dataset", plain, make.team(), locations=[at], classification="internal")
        uses, other = (f"{lies}/2026/part",), (f"{at}/all",)
        for look, true in (
            ({"platform": SANDBOX, "uses": uses}, True),
            ({"labels": (("env", "dev"),), "uses": uses}, True),
            ({"uses": uses}, False),
            ({"platform": SANDBOX, "uses": other}, False),
        ):  # fmt: skip
            names = [held if look["uses"] is uses else plain]
            one, line = make.running("instance", spec={"datasets": names}, **look)
            if true:
                make.true("data-out-of-place", f"{one.subject}+dataset/{held}", line)
            else:
                make.alike("data-out-of-place", one.subject)
        one, _ = make.running("instance", uses=(*other, "s3://elsewhere/x"))
        make.true("undeclared-data-use", f"workload/{one.workload}+dataset/{plain}")
        known, _ = make.running("instance", uses=other, spec={"datasets": [plain]})
        make.alike("undeclared-data-use", f"workload/{known.workload}")
