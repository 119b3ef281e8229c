"""What nobody answers for: undeclared work, unowned resources, claims that collide."""

from collections.abc import Iterator, Sequence
from typing import Final

from watermaster.decide.estate.finding import evidence_of, found, sum_of, together
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.things import Seen, Thing

LEAST_GPU_S: Final = 3600  # less than a GPU-hour in a month is not worth a finding
ORPHAN_HOURS: Final = 24
RUNNING: Final = frozenset(
    {
        "pod",
        "slurm-job",
        "deployment",
        "statefulset",
        "job",
        "cronjob",
        "inference-service",
        "ray-cluster",
        "ray-job",
        "ray-service",
        "endpoint",
        "notebook",
        "instance",
        "run",
        "api-key",
        "api-deployment",
    }
)
KEYS: Final = frozenset({"api-key", "api-deployment"})
ALONE: Final = frozenset({  # each is told by itself, not by its account
    "endpoint", "notebook", "instance", "api-key", "api-deployment",
})  # fmt: skip


def undeclared_workloads(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Work that no selector of a Workload or Team takes, by namespace, account or key."""
    for place, held in _undeclared(seen):
        gpu_s, cost = sum(one.reserved_s for one in held), sum_of(held)
        counted = sum(one.requests or 0 for one in held)
        team, reason = _guess(held, seen, estate)
        is_counted = counted or not any(_is_used_key(one) for one in held)
        used = f"{gpu_s // 3600:,} GPU hours" if gpu_s else f"{counted:,} requests"
        used = used if gpu_s or is_counted else "tokens were counted"
        yield found(
            seen, "undeclared-workload", place, cost,
            why=f"{_count(held)} ran there, {used}, and nobody declared them",
            next_step="wm estate adopt",
            guess=team, guess_reason=reason, evidence=evidence_of(held), source=held[0].source,
            since=min(one.first_seen for one in held),
        )  # fmt: skip


def _undeclared(seen: Seen) -> list[tuple[str, list[Thing]]]:
    """Things that nobody takes, by where they live, where they did something worth telling."""
    loose = [
        one
        for one in seen.things
        if one.workload is None
        and one.team is None
        and not one.is_ambiguous
        and one.kind in RUNNING
    ]
    return [
        (place, held)
        for place, held in together(loose, _home)
        if sum(one.reserved_s for one in held) >= LEAST_GPU_S
        or sum_of(held)
        or any(one.requests or _is_used_key(one) for one in held)
    ]


def _is_used_key(one: Thing) -> bool:
    """Some providers count the tokens of a key and not its requests: then its use is told."""
    return one.kind in KEYS and one.last_used is not None and one.requests is None


def unowned_resources(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Billed for a day or longer, and no rule gives it an owner.

    What is told as undeclared work or as taken by two selectors is not told again.
    """
    del estate
    told = {one.resource_id for _, held in _undeclared(seen) for one in held}
    told |= {one.resource_id for one in seen.things if one.is_ambiguous}
    for one in seen.unclaimed:
        if one.resource_id in told:
            continue
        hours = (one.last - one.first).total_seconds() / 3600
        if hours < ORPHAN_HOURS or not one.cost:
            continue
        account = one.account or ""
        team, share = seen.account_teams.get(account, (None, 0.0))
        yield found(
            seen, "unowned-resource", f"resource/{one.resource_id}", one.cost,
            why=f"billed by {one.service} for {hours / 24:.0f} days without an owner",
            next_step=f"tag it, or add resourceId: {one.resource_id} to a selector",
            guess=team,
            guess_reason=f"{share:.0%} of account {account} is {team}'s" if team else None,
            evidence=({"table": "allocations", "key": "resource_id", "value": one.resource_id},),
            since=one.first,
        )  # fmt: skip


def ambiguous_selectors(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Things two equal selectors take: they are left to nobody."""
    del estate
    for place, held in together(
        [one for one in seen.things if one.is_ambiguous and one.is_work], _home
    ):
        yield found(
            seen, "ambiguous-selector", place, sum_of(held),
            why=f"two equal selectors take {len(held)} things there, so nobody is given them",
            next_step="make one of the selectors say more: wm validate names them",
            evidence=evidence_of(held), source=held[0].source,
        )  # fmt: skip


def things_of_gone_teams(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Workloads and pools whose owner is no team any more, and that still cost or run."""
    until = {v.resource.metadata.name: v.resource.spec.until for v in estate.of("Team")}
    costs = {one.workload: one for one in seen.workloads}
    for kind in ("Workload", "Pool", "Dataset", "Model"):
        for version in estate.of(kind):
            name, owner = version.resource.metadata.name, version.resource.metadata.owner
            ended = until.get(owner or "")
            if owner is None or (owner in until and (not ended or ended > seen.now.date())):
                continue
            use = costs.get(name) if kind == "Workload" else None
            yield found(
                seen, "gone-team", f"{kind.lower()}/{name}", use.cost if use else None,
                why=f"its owner {owner} was dissolved on {ended}" if ended
                else f"its owner {owner} is no declared Team",
                next_step=f"name another owner of {kind} {name}, or retire it", team=owner,
            )  # fmt: skip


def _home(one: Thing) -> str:
    """Where a thing lives, coarse enough to be decided on at once."""
    if one.namespace:
        return f"namespace/{one.platform}/{one.namespace}"
    if one.account and one.kind not in ALONE:
        return f"account/{one.platform}/{one.account}"
    return one.place


def _guess(held: Sequence[Thing], seen: Seen, estate: Estate) -> tuple[str | None, str | None]:
    """The team that a namespace, account, creator, or a cloud account's other cost names."""
    teams = {version.resource.metadata.name for version in estate.of("Team")}
    for one in held:
        words = {one.namespace, one.account, *(one.creator or "").replace("svc-", "").split("/")}
        if named := sorted(teams & {word for word in words if word}):
            return named[0], f"its namespace, account or creator is called {named[0]}"
    account = next((one.account for one in held if one.account in seen.account_teams), None)
    if account:
        team, share = seen.account_teams[account]
        return team, f"{share:.0%} of account {account} is {team}'s"
    return None, None


def _count(held: Sequence[Thing]) -> str:
    return "one thing" if len(held) == 1 else f"{len(held):,} things"
