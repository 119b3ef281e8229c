"""A ledger with months of bills, GPU hours and requests of things that were mended."""

import datetime as dt
from decimal import Decimal

from tests.flows.small import Clock, charge, declare, project_at, resource, store, supplied, used
from watermaster.flows.allocate import allocate_months
from watermaster.flows.open import Project
from watermaster.ledger.decided import append_decisions
from watermaster.ledger.fixes import add_fix, set_fix
from watermaster.model.acts import Fix, FixPlan, FixState, Remedy, Step
from watermaster.model.decided import FindingDecision, Saving, Verb
from watermaster.model.findings import Finding

FIRST, DAYS, FIXED, UNDONE = dt.date(2026, 8, 1), 61, dt.date(2026, 8, 31), dt.date(2026, 9, 20)
VOLUME, ENDPOINT, SHARED, POD = "vol-1", "ep-1", "vol-2", "rag/reader-0"


def day_at(number: int, hour: int = 0) -> dt.datetime:
    return dt.datetime.combine(FIRST, dt.time()) + dt.timedelta(days=number, hours=hour)


def prepare(home) -> Project:
    """Two volumes of 10 a day, an endpoint whose price rises, and a pod on an own pool.

    vol-1 is deleted on 31 August; vol-2 too, and its deletion is undone on 20 September. The
    endpoint costs 0.02 a request, and half of that from 1 September on, when requests fall to 600
    and its price rises by a tenth. The pod holds 4 GPUs, and 1 from then on.
    """
    project = project_at(home, Clock("2026-10-05T08:00:00"))
    rows: dict[str, list[dict[str, object]]] = {"charges": [], "subjects": [], "requests": []}
    for number in range(DAYS):
        for row in _billed(number):
            rows["charges"].append(row)
        rows["subjects"] += _seen(number)
        rows["requests"].append(_asked(number))
    hours = [(f"{day_at(n):%Y-%m-%d}", hour, n) for n in range(DAYS) for hour in range(24)]
    rows["gpu_hours"] = [
        used(day, "n-1", hour, POD, (4 if _day(n) <= FIXED else 1) * 3600, model="L40S",
             used_s=10) for day, hour, n in hours
    ]  # fmt: skip
    rows["gpu_supply"] = [
        supplied(day, "n-1", hour, 8 * 3600, model="L40S") for day, hour, _ in hours
    ]
    for table, held in rows.items():
        store(project, table, held)
    declare(project, *_declared())
    allocate_months(project)
    return project


def _day(number: int) -> dt.date:
    return day_at(number).date()


def asked_on(number: int) -> int:
    """Never twice the same, fewer at weekends; fewer since the fix, which is no saving."""
    usual = 1000 if _day(number) <= FIXED else 600
    return usual * (5 + number * 7 % 4 - (_day(number).weekday() >= 5)) // 5


def price_on(number: int) -> Decimal:
    return Decimal(1) if _day(number) <= FIXED else Decimal("1.1")


def _billed(number: int):
    is_before = _day(number) <= FIXED
    is_back = _day(number) >= UNDONE
    unit = Decimal("0.02") if is_before else Decimal("0.01")
    quantity = asked_on(number) * unit
    other = Decimal(7)  # somebody else buys the same every day
    for place, (idn, sku, price, amount) in enumerate((
        (VOLUME, "gp3", Decimal(1), Decimal(10) if is_before else Decimal(0)),
        (SHARED, "gp3", Decimal(1), Decimal(10) if is_before or is_back else Decimal(0)),
        (ENDPOINT, "host", price_on(number), quantity),
        ("else-1", "gp3", Decimal(1), other), ("else-2", "host", price_on(number), other),
    )):  # fmt: skip
        if amount:
            cost = amount * price
            yield charge(
                "aws", f"{_day(number):%Y-%m}", 10 * number + place, str(cost), resource_id=idn,
                effective_cost=cost, sku_price_id=sku, pricing_quantity=amount,
                charge_period_start=day_at(number), charge_period_end=day_at(number, 24),
            )  # fmt: skip


def _seen(number: int):
    for kind, uid, platform in (("volume", VOLUME, "aws"), ("volume", SHARED, "aws"),
                                ("endpoint", ENDPOINT, "aws"), ("pod", POD, "fra")):  # fmt: skip
        if kind != "volume" or _day(number) <= FIXED:
            yield {
                "source": "inventory", "day": f"{day_at(number):%Y-%m-%d}", "platform": platform,
                "subject_kind": kind, "subject_uid": uid, "name": uid,
                "resource_id": None if kind == "pod" else uid,
                "namespace": "rag" if kind == "pod" else None,
                "first_seen": day_at(number), "last_seen": day_at(number, 23),
            }  # fmt: skip


def _asked(number: int):
    return {"source": "inventory", "day": f"{day_at(number):%Y-%m-%d}", "platform": "aws",
            "subject_kind": "endpoint", "subject_uid": ENDPOINT, "hour": day_at(number),
            "requests": asked_on(number)}  # fmt: skip


def _declared():
    return (
        resource("Team", "rag", {"unit": "Care", "selectors": [{"resourceId": VOLUME}]}),
        resource("Team", "ops", {"unit": "Platform", "selectors": [{"resourceId": SHARED}]}),
        resource("Platform", "fra", {"type": "kubernetes"}),
        resource("Pool", "l40s", {
            "platform": "fra", "accelerator": "L40S", "count": 8, "gpusPerNode": 8,
            "nodes": ["n-*"], "cost": {"capex": {"amount": "350640", "from": "2026-01-01",
                                                 "months": 48}},
        }, "ops"),
        resource("Workload", "reader", {"purpose": "batch-inference", "selectors": [
            {"namespace": "rag"}, {"resourceId": ENDPOINT}]}, "rag"),
    )  # fmt: skip


def mend(project: Project, rule: str, thing: tuple[str, str, str], **more) -> Finding:
    """A finding that was accepted and fixed. more: team, verb, fixed, undone, saving."""
    platform, kind, uid = thing
    fixed = more.get("fixed", FIXED)
    finding = Finding(
        rule=rule, subject=f"{kind}/{platform}/{uid}", why="-", next_step="-", month="2026-08",
        cost=Decimal(310), currency="USD", team=more.get("team", "rag"),
        evidence=({"table": "subjects", "key": "subject_uid", "value": uid, "platform": platform,
                   "kind": kind},),
    )  # fmt: skip
    decided = FindingDecision(
        finding=finding, verb=Verb.ACCEPT, team=finding.team, due=fixed, why="-",
        at=_moment(fixed), actor="test", saving=more.get("saving", saving("310")),
    )  # fmt: skip
    step = Step(verb=more["verb"], subject=uid, want={}, seen={}, undo="-")
    remedy = Remedy(verb=more["verb"], platform=platform, kind=kind, uid=uid, why="-")
    plan = FixPlan(finding=finding.id, target="t", remedy=remedy, steps=(step,), why="-")
    fix = Fix(id=finding.id, plan=plan, state=FixState.PLANNED, planned_at=_moment(fixed))
    undone = more.get("undone")
    with project.ledger.records.begin() as connection:
        append_decisions(connection, [decided])
        add_fix(connection, fix)
        set_fix(connection, fix.id, FixState.UNDONE if undone else FixState.DONE,
                approved_at=_moment(fixed), ended_at=_moment(undone or fixed))  # fmt: skip
    return finding


def _moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(9), dt.UTC)


def saving(amount: str) -> Saving:
    """Expected a month."""
    told = dict.fromkeys(
        ("cash", "cash_low", "cash_high", "allocated", "allocated_low", "allocated_high"),
        Decimal(amount),
    )
    return Saving(**told, currency="USD", cash_from=FIXED, basis="-")
