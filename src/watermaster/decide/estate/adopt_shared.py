"""Datasets, commitments, costs that everybody shares, and the tags that are in use."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from watermaster.decide.estate.proposal import document
from watermaster.decide.estate.seen_words import Words
from watermaster.decide.estate.words import MEANINGS, as_name, is_slip, most, plain
from watermaster.model.adopted import Billed, Document, Observed, Proposal

SHARED: Final = re.compile(r"\b(support|tax|credits?|vat|marketplace fee)\b", re.IGNORECASE)
BUCKET: Final = re.compile(r"^arn:aws:s3:::([^/]+)$|/storageAccounts/([^/]+)$")
REQUIRED_SHARE: Final = Decimal("0.5")  # of the cost carries a key: then it is meant to be there
COMMITTED_MONTHS: Final = 12  # no bill tells the term
LEAST_SHARE: Final = Decimal("0.05")


def datasets(seen: Observed, words: Words, teams: Sequence[str]) -> Iterator[Proposal]:
    """One per bucket that no tag gives to a workload; owned by the team that reads most of it."""
    buckets: dict[str, Decimal] = {}
    accounts: dict[str, str] = {}
    for row in seen.billed:
        if row.resource_id and BUCKET.search(row.resource_id) and not words.workload(row.tags):
            buckets[row.resource_id] = buckets.get(row.resource_id, Decimal(0)) + row.cost
            accounts[row.resource_id] = row.account or ""
    for idn, cost in sorted(buckets.items()):
        match = BUCKET.search(idn)
        bucket = next(part for part in match.groups() if part) if match else idn
        name = as_name(bucket)
        if name is None:
            continue
        owner, sure, reason = _owner(seen, words, (idn, bucket, accounts[idn]), teams)
        places = [idn, f"s3://{bucket}"] if idn.startswith("arn:aws:s3") else [idn]
        spec: Document = {"locations": places}
        yield Proposal(
            kind="Dataset", name=name, document=document("Dataset", name, spec, owner),
            confidence=sure, reason=f"bucket {bucket}; {reason}; say its classification",
            cost=cost, gpu_s=0,
        )  # fmt: skip


def _owner(
    seen: Observed, words: Words, bucket: tuple[str, str, str], teams: Sequence[str]
) -> tuple[str | None, float, str]:
    idn, name, account = bucket
    readers = [
        (team, Decimal(row.bytes))
        for row in seen.moved
        if idn in {row.resource_id, row.location} or row.location.endswith(f"//{name}")
        if (team := words.team_of(row)) in teams and team
    ]
    if found := most(readers):
        return (
            found[0],
            round(0.9 * float(found[1]), 2),
            f"{found[1]:.0%} of reads are {found[0]}'s",
        )
    near = _teams_of_account(seen.billed, words, account)
    alike = {team: len(_parts(name) & _parts(team)) for team in near if team in teams}
    best = sorted(alike, key=lambda team: (-alike[team], team))
    if best and alike[best[0]] and (len(best) == 1 or alike[best[0]] > alike[best[1]]):
        return best[0], 0.65, f"its name is most like {best[0]} of the teams in its account"
    if len(near) == 1 and near[0] in teams:
        return near[0], 0.6, f"only {near[0]} has things in its account"
    return None, 0.4, "nothing tells whose it is"


def _parts(name: str) -> set[str]:
    return {part for part in re.split(r"[^a-z0-9]+", name.lower()) if len(part) > 2}


def _teams_of_account(billed: Sequence[Billed], words: Words, account: str) -> list[str]:
    found = {words.team(row.tags) for row in billed if row.account == account}
    return sorted(team for team in found if team)


def commitments(seen: Observed, words: Words, teams: Sequence[str]) -> Iterator[Proposal]:
    """One per commitment the bills name; owned by the team that uses most of it."""
    held: dict[str, list[Billed]] = {}
    for row in seen.billed:
        if row.commitment:
            held.setdefault(row.commitment, []).append(row)
    for idn, rows in sorted(held.items()):
        name = as_name("-".join(re.split(r"[^A-Za-z0-9]+", idn)[-2:]))
        since = min((row.since for row in rows if row.since), default=None)
        if name is None or since is None:
            continue
        told = [(words.team(row.tags), abs(row.cost)) for row in rows]
        owner = most((team, cost) for team, cost in told if team in teams and team)
        spec: Document = {
            "provider": rows[0].provider or "unknown", "commitmentId": idn,
            "from": since.replace(day=1), "months": COMMITTED_MONTHS,
        }  # fmt: skip
        reason = f"{owner[1]:.0%} of its use is {owner[0]}'s" if owner else "nobody's tags use it"
        yield Proposal(
            kind="Commitment", name=name,
            document=document("Commitment", name, spec, owner[0] if owner else None),
            confidence=round(0.9 * float(owner[1]), 2) if owner else 0.4,
            reason=f"{reason}; its term is not in the bills: say from and months",
            cost=sum((row.cost for row in rows if not row.tags), Decimal(0)), gpu_s=0,
        )  # fmt: skip


def shared_rules(seen: Observed, teams: Sequence[str]) -> Iterator[Proposal]:
    """Taxes, credits and support: spread over the teams by their other cost."""
    services: dict[str, Decimal] = {}
    for row in seen.billed:
        common = row.category in {"Tax", "Credit"} or SHARED.search(row.service or "")
        if common and row.service and not row.resource_id and not row.tags:
            services[row.service] = services.get(row.service, Decimal(0)) + row.cost
    for service, cost in sorted(services.items()):
        name = as_name(f"shared-{service}")
        if name and teams:
            spec = {"match": [{"service": service}], "split": "cost", "to": list(teams)}
            yield Proposal(
                kind="AllocationRule", name=name,
                document=document("AllocationRule", name, spec), confidence=0.8,
                reason=f"{service} is of no resource: by cost over all teams", cost=cost, gpu_s=0,
            )  # fmt: skip


def tag_policy(seen: Observed, words: Words) -> Iterator[Proposal]:
    """The keys in use for team, workload, environment and cost centre, with their misspellings."""
    total = sum((abs(row.cost) for row in seen.billed), Decimal(0))
    rules: list[Document] = []
    taken: set[str] = set()
    for what in MEANINGS:
        key = words.key(what)
        held = words.keys.get(what, {})
        if key is None or not total or held[key] < LEAST_SHARE * total or key in taken:
            continue
        aliases = [
            other
            for other in sorted(held)
            if other != key and (plain(other) == plain(key) or is_slip(plain(other), plain(key)))
        ]
        taken |= {key, *aliases}
        rules.append({
            "key": key, "required": held[key] >= REQUIRED_SHARE * total, "aliases": aliases,
        })  # fmt: skip
    if rules:
        keys = ", ".join(rule["key"] for rule in rules)
        yield Proposal(
            kind="TagPolicy", name="observed-tags",
            document=document("TagPolicy", "observed-tags", {"tags": rules}), confidence=0.8,
            reason=f"these keys carry most cost: {keys}", cost=Decimal(0), gpu_s=0,
        )  # fmt: skip
