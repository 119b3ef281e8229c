"""How right the repairs of tags are that `wm tag fix --accept all` would take.

The small simulated company with its misspelt tags planted, for fresh seeds: each proposal that is
sure is held beside what was planted (a slipped key, or two letters of a value swapped). Then a
thousand made-up spellings of cost centres and of teams, whose meaning is known: how many are
repaired, how many to the wrong value. Last what the view of repaired and inherited tags costs: the
cost by one tag over made-up allocations, with 500 repairs, 300 accounts and 200 teams with labels.
"""

import argparse
import json
import random
import secrets
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import ibis

from figures import Figure, measured, run
from tests.testing.test_planted_truth import NOW, ingest_all
from watermaster.decide.cost.by import Cost, cost_by
from watermaster.decide.cost.tag_fix import SURE, Known, tag_fixes
from watermaster.decide.cost.tagged import declared_tags, tagged
from watermaster.flows.open import create_project
from watermaster.flows.tag_fix import propose_fixes
from watermaster.model.estate import Estate
from watermaster.model.resources import ResourceVersion, TagRule, load_resource
from watermaster.model.tag_fixes import TagFix, TagSet, Wrong
from watermaster.testing.simulate.company import Size
from watermaster.testing.simulate.plan import Order, slip
from watermaster.testing.simulate.render import simulate

MONTH = "2026-10"
KEY = "cost-center"
KEYS = {"Worklod": "workload", "Temas": "team"}
CENTERS = [f"CC-{number}" for number in (100, 101, 104, 110, 200, 204, 240, 310, 400, 401)]
TEAMS = [
    "search", "research", "risk", "claims-triage", "claims-fraud", "care-imaging", "platform-ml",
    "platform-data", "retail-offers", "retail-search",
]  # fmt: skip


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Planted, then made up."""
    seeds = [chosen.seed + n if chosen.seed else secrets.randbelow(2**31)
             for n in range(chosen.seeds)]  # fmt: skip
    scores = [planted(seed) for seed in seeds]
    right, said, found, true = (sum(one[n] for one in scores) for n in range(4))
    yield _figure("planted_precision", right, said)
    yield _figure("planted_recall", found, true)
    for name, values in (("center", CENTERS), ("team", TEAMS)):
        yield from made_up(name, values, random.Random(chosen.seed or 7))
    yield from view(chosen.millions)


def view(millions: int) -> Iterator[Figure]:
    """CPU seconds of `cost by tag`, raw and as meant."""
    engine = ibis.duckdb.connect(threads=2)
    engine.raw_sql(
        f"""create table parts as select 'aws' source, 'a-' || i % 300 account, 'p' platform,
        't-' || i % 200 team, null::varchar pool, 'eu' region, 'USD' billing_currency,
        timestamp '2026-10-01' + to_hours((i % 744)::int) charge_start, '2026-10' charge_month,
        (i % 100)::decimal(28, 15) effective_cost,
        case when i % 3 = 0 then null else 'cc' || i % 500 end tag_cost_center
        from range({millions * 1_000_000}) rows(i)"""
    )
    spelt = {f"cc{n}": f"CC-{n}" for n in range(500)}
    estate = Estate((
        _version("TagPolicy", "tags", {"tags": [{"key": KEY}]}, {}),
        _version("TagRepair", "cc", {"key": KEY, "values": spelt}, {}),
        *(_version("Platform", f"a{n}", {"type": "cloud", "account": f"a-{n}"}, {KEY: f"CC-{n}"})
          for n in range(300)),
        *(_version("Team", f"t-{n}", {"unit": "u"}, {KEY: f"CC-{n}"}) for n in range(200)),
    ))  # fmt: skip
    raw = engine.table("parts")
    for name, table in (("raw", raw), ("meant", tagged(raw, declared_tags(estate)))):
        question = cost_by(table, [f"tag:{KEY}"], Cost.EFFECTIVE).rows
        engine.to_pyarrow(question)
        with measured() as used:
            engine.to_pyarrow(question)
        yield Figure(bench="tags", figure=f"cost_by_tag_{name}", value=round(used.cpu_s, 2),
                     unit=f"CPU s, {millions} M parts")  # fmt: skip


def _version(
    kind: str, name: str, spec: dict[str, object], labels: dict[str, str]
) -> ResourceVersion:
    document = {"apiVersion": "watermaster/v1", "kind": kind, "spec": spec,
                "metadata": {"name": name, "labels": labels}}  # fmt: skip
    return ResourceVersion(resource=load_resource(document), recorded_at=NOW)


def planted(seed: int) -> tuple[int, int, int, int]:
    """Sure proposals that are right, all sure ones; planted slips found, all planted."""
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(Order(seed, 1, MONTH, Size.SMALL), Path(folder) / "inputs")
        project = create_project(Path(folder) / "home", clock=lambda: NOW)
        ingest_all(project, made)
        fixes = [one for one in propose_fixes(project).fixes if _is_sure(one)]
        true = json.loads(made.truth.read_text())["misspelt"]
    held = {one.found for one in fixes if _is_right(one)}
    spelt = {one["key"] if one["key"] in KEYS else one["value"] for one in true}
    return sum(map(_is_right, fixes)), len(fixes), len(spelt & held), len(spelt)


def _is_sure(one: TagFix) -> bool:
    return one.meant is not None and one.confidence >= SURE


def _is_right(one: TagFix) -> bool:
    if one.what is Wrong.KEY:
        return KEYS.get(one.found) == one.meant
    return slip(one.meant or "  ") == one.found


def made_up(name: str, values: list[str], dice: random.Random) -> Iterator[Figure]:
    """A thousand slips of known meaning, each alone in a bill, and how they are repaired."""
    known = Known(rules=[TagRule(key="k", values=values)])
    right = wrong = unsure = count = 0
    while count < 1000:
        meant = dice.choice(values)
        told = _slipped(meant, dice)
        if told in values:
            continue
        count += 1
        bill = [TagSet(tags={"k": told}, currency="USD", cost=Decimal(1), charges=1)]
        (fix,) = tag_fixes(bill, known) or (None,)
        if fix is None or not _is_sure(fix):
            unsure += 1
        elif fix.meant == meant:
            right += 1
        else:
            wrong += 1
    yield _figure(f"{name}_precision", right, right + wrong)
    yield _figure(f"{name}_recall", right, count)
    yield _figure(f"{name}_left_to_a_person", unsure, count)


def _slipped(word: str, dice: random.Random) -> str:
    """Case, signs, a letter or digit dropped, doubled, swapped or wrong; sometimes two of these."""
    for _ in range(dice.choice((1, 1, 1, 2))):
        at = dice.randrange(len(word) - 1)
        kind = dice.choice(("case", "sign", "drop", "double", "swap", "wrong"))
        if kind == "case":
            word = dice.choice((word.upper(), word.lower(), word.title()))
        elif kind == "sign":
            word = word.replace("-", dice.choice(("", "_", " ", ".")))
        elif kind == "drop":
            word = word[:at] + word[at + 1 :]
        elif kind == "double":
            word = word[:at] + word[at] + word[at:]
        elif kind == "swap":
            word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        else:
            word = word[:at] + dice.choice("abcdefghijklmnopqrstuvwxyz0123456789") + word[at + 1 :]
    return word


def _figure(name: str, part: int, whole: int) -> Figure:
    share = round(part / whole, 3) if whole else None
    return Figure(bench="tags", figure=name, value=share, unit=f"{part} of {whole}")


if __name__ == "__main__":
    sys.exit(run(measure, "seeds=10", "seed=0", "millions=10"))
