"""Tags as they are meant: repaired, virtual and inherited values beside what was delivered.

Charges and allocations hold tags RAW; this is a view over allocations, made anew by each reading.
The value of a key is the first of
1. a VirtualTag that always wins;
2. what was delivered under the key, else under a spelling of it; a value a TagRepair names
   becomes the one it means. Charges made from a Pool's declaration deliver the Pool's labels;
3. a VirtualTag;
4. the label of its pool, its account, its platform, its owner, as valid when the charge starts.
What two declarations answer differently is left as it was: nothing is chosen silently.
"""

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from watermaster.decide.cost.spelling import normal
from watermaster.model.estate import Estate, live_estate, spelling_column, tag_column
from watermaster.model.record import Selector
from watermaster.model.resources import ResourceVersion, TagRule
from watermaster.model.tables import NO, YES, Column, Table, ibis
from watermaster.model.tagging import Inherit, TagFrom, VirtualTagSpec, Wins

RULE: Final = "tags/1"
OWN: Final = "own:"
KINDS: Final = {
    Inherit.POOL: "Pool", Inherit.ACCOUNT: "Platform", Inherit.PLATFORM: "Platform",
    Inherit.OWNER: "Team",
}  # fmt: skip
COLUMNS: Final = {
    Inherit.POOL: "pool", Inherit.ACCOUNT: "account", Inherit.PLATFORM: "platform",
    Inherit.OWNER: "team",
}  # fmt: skip
TERMS: Final = {  # a term of a selector to its column of allocations
    "resource_id": "resource_id", "account": "account", "provider": "provider",
    "service": "service", "region": "region",
}  # fmt: skip


Place = tuple[str, str | None]  # a name in allocations, and the region it is held to
Moment = dt.datetime | None
BEGINNING: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
FIRST, LAST = (
    dt.datetime.fromisoformat(day) for day in ("1900-01-01", "9999-01-01")
)  # where there is no moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A value that the labels of a resource give, for a time (None: no end).

    Labels of one name, region and time are one: joined to charges, they add no row.
    """

    whose: Inherit
    name: str  # of a pool, account, platform or team
    value: str
    region: str | None = None  # of the account
    start: dt.datetime | None = None
    end: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """All that is declared of one key."""

    key: str
    spellings: Mapping[str, str] = field(default_factory=dict)  # to the TagRepair that says so
    values: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    virtual: tuple[tuple[str, VirtualTagSpec], ...] = ()  # name, spec
    labels: tuple[Label, ...] = ()
    unclear: tuple[str, ...] = ()  # values that two TagRepairs turn into different ones

    @property
    def does_anything(self) -> bool:
        """Whether any value could differ from what was delivered."""
        return bool(self.spellings or self.values or self.virtual or self.labels)


def declared_tags(estate: Estate) -> list[Tag]:
    """What is declared of each key: `values` is (TagRepair, meaning) to what was delivered."""
    live = live_estate(estate)
    rules = {rule.key: rule for v in live.of("TagPolicy") for rule in v.resource.spec.tags}
    repairs, virtual = live.of("TagRepair"), live.of("VirtualTag")
    keys = {*rules, *(v.resource.spec.key for v in (*repairs, *virtual))}
    found = [_tag(key, rules.get(key), estate, repairs, virtual) for key in sorted(keys)]
    return [tag for tag in found if tag.does_anything]


def _tag(
    key: str,
    rule: TagRule | None,
    estate: Estate,
    repairs: Sequence[ResourceVersion],
    virtual: Sequence[ResourceVersion],
) -> Tag:
    mine = [v.resource for v in repairs if v.resource.spec.key == key]
    meant: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in mine:
        for raw, value in one.spec.values.items():
            meant[raw].setdefault(value, one.metadata.name)
    values: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for raw, told in sorted(meant.items()):
        if len(told) == 1:
            ((value, name),) = told.items()
            values[name, value].append(raw)
    return Tag(
        key=key,
        spellings={
            word: one.metadata.name for one in reversed(mine) for word in one.spec.spellings
        },
        values={told: tuple(held) for told, held in values.items()},
        virtual=tuple(
            (v.resource.metadata.name, v.resource.spec)
            for v in virtual if v.resource.spec.key == key
        ),
        labels=tuple(_labels(key, rule, estate)) if rule else (),
        unclear=tuple(sorted(raw for raw, told in meant.items() if len(told) > 1)),
    )  # fmt: skip


def _labels(key: str, rule: TagRule, estate: Estate) -> Iterator[Label]:
    """Labels that carry the key, in any spelling; what two resources say of one account is not."""
    for whose in (one for one in Inherit if one in rule.inherit):
        told: defaultdict[Place, list[tuple[str, ResourceVersion]]] = defaultdict(list)
        for version in estate.of(KINDS[whose]):
            value = _label(version, key)
            for place in _places(whose, version) if value else ():
                told[place].append((value or "", version))
        for (name, region), held in sorted(told.items(), key=str):
            resources = {version.resource.metadata.name for _, version in held}
            if len(resources) == 1 or len({value for value, _ in held}) == 1:
                for value, start, end in _apart(held):
                    yield Label(whose=whose, name=name, value=value, region=region, start=start,
                                end=end)  # fmt: skip


def _apart(held: Iterable[tuple[str, ResourceVersion]]) -> list[tuple[str, Moment, Moment]]:
    """Values with their times, none of which overlap: what goes on with one value is one."""
    found: list[tuple[str, Moment, Moment]] = []
    for value, version in sorted(held, key=lambda one: one[1].valid_from or BEGINNING):
        start, end = version.valid_from, version.valid_to
        last = found[-1] if found else None
        if last and (last[2] is None or (start or BEGINNING) < last[2] or start == last[2]):
            if value == last[0]:
                later = None if last[2] is None or end is None else max(last[2], end)
                found[-1] = (value, last[1], later)
                continue
            if last[2] is None or (start or BEGINNING) < last[2]:
                found[-1] = (last[0], last[1], start)
        found.append((value, start, end))
    return found


def _label(version: ResourceVersion, key: str) -> str | None:
    labels = version.resource.metadata.labels
    wanted = normal(key)
    near = (value for name, value in sorted(labels.items()) if normal(name) == wanted)
    return labels.get(key) or next(near, None) or _implied(version, wanted)


def _implied(version: ResourceVersion, wanted: str) -> str | None:
    """What a Team says of itself without a label."""
    if version.resource.kind != "Team":
        return None
    name, spec = version.resource.metadata.name, version.resource.spec
    told = {"team": name, "owner": name, "costcenter": spec.cost_center,
            "unit": spec.unit, "businessunit": spec.unit}  # fmt: skip
    return told.get(wanted)


def _places(whose: Inherit, version: ResourceVersion) -> list[Place]:
    """Names by which allocations know a resource, with the region it is held to."""
    spec, name = version.resource.spec, version.resource.metadata.name
    if whose is Inherit.ACCOUNT:
        return [(spec.account, spec.region)] if spec.account else []
    if whose is Inherit.PLATFORM:
        return [(one, None) for one in (name, *spec.seen_as)]
    return [(name, None)]


def tagged(rows: Table, tags: Iterable[Tag]) -> Table:
    """Allocations whose tag columns are as meant, with what was delivered beside them.

    Of each key: `tag_K` the value, `rawtag_K` as delivered, `tagfrom_K` where it is from (TagFrom),
    `tagby_K` what gave it. No row is added or lost, and no cost is touched.
    """
    for tag in tags:
        rows = _tagged(rows, tag)
    return rows


def _tagged(rows: Table, tag: Tag) -> Table:
    """Labels and repairs are joined, never one CASE for each: there may be thousands."""
    name = tag_column(tag.key)
    stem, step = name.removeprefix("tag_"), rows
    given: list[tuple[Inherit, str]] = []
    for whose in Inherit:
        for has_region in (True, False):
            mine = [one for one in tag.labels
                    if one.whose is whose and (one.region is not None) == has_region]  # fmt: skip
            if mine:
                given.append((whose, f"given_{len(given)}_{stem}"))
                step = _with_labels(step, mine, given[-1][1])
    own = [step[column] for whose, column in given if whose is Inherit.POOL]
    is_own = step.source.startswith(OWN)
    raw = ibis.coalesce(_text(step, name), *(ibis.ifelse(is_own, one, NONE) for one in own))
    spelt = [(_spelt(step, word), word) for word in tag.spellings]
    step = step.mutate(
        **{f"rawtag_{stem}": raw, f"held_{stem}": ibis.coalesce(raw, *(one for one, _ in spelt))}
    )
    step = _with_repairs(step, tag, stem)
    found = _columns(step, tag, [(COLUMNS[whose], column) for whose, column in given])
    return step.select(*(column for column in rows.columns if column not in found), **found)


def _with_labels(rows: Table, labels: Sequence[Label], column: str) -> Table:
    """The label of each charge's pool, account, platform or team at the time, as a column."""
    key, region = f"{column}_of", labels[0].region is not None
    held = [
        {key: one.name, column: one.value, f"{column}_in": one.region,
         f"{column}_from": _edge(one.start, FIRST), f"{column}_until": _edge(one.end, LAST)}
        for one in labels
    ]  # fmt: skip
    kinds = {key: "string", column: "string", f"{column}_in": "string",
             f"{column}_from": "timestamp", f"{column}_until": "timestamp"}  # fmt: skip
    table = ibis.memtable(held, schema=ibis.schema(kinds))
    tests = [rows[COLUMNS[labels[0].whose]] == table[key]]
    if region:
        tests.append(rows.region == table[f"{column}_in"])
    if any(one.start or one.end for one in labels):
        moment = _moment(rows)
        tests += [moment >= table[f"{column}_from"], moment < table[f"{column}_until"]]
    return rows.left_join(table, tests).select(*rows.columns, column)


def _edge(moment: Moment, none: dt.datetime) -> dt.datetime:
    return none if moment is None else moment.replace(tzinfo=None)


def _with_repairs(rows: Table, tag: Tag, stem: str) -> Table:
    """What each value means, and the TagRepair that says so; null where it is as it should be."""
    meant, by = f"meant_{stem}", f"meantby_{stem}"
    if not tag.values:
        return rows.mutate(**{meant: NONE, by: NONE})
    held = [
        {f"spelt_{stem}": raw, meant: value, by: name}
        for (name, value), raws in tag.values.items() for raw in raws
    ]  # fmt: skip
    table = ibis.memtable(held, schema=ibis.schema(dict.fromkeys(held[0], "string")))
    tests = [rows[f"held_{stem}"] == table[f"spelt_{stem}"]]
    return rows.left_join(table, tests).select(*rows.columns, meant, by)


def _columns(rows: Table, tag: Tag, given: Sequence[tuple[str, str]]) -> dict[str, Column]:
    """given: the column each inherited value goes by, and the one it stands in, in their order."""
    name = tag_column(tag.key)
    stem = name.removeprefix("tag_")
    raw, held, meant = (rows[f"{kind}_{stem}"] for kind in ("rawtag", "held", "meant"))
    spelt_by = [
        (_spelt(rows, word).notnull(), ibis.literal(f"TagRepair {by}: {word}"))
        for word, by in tag.spellings.items()
    ]
    repaired_by = ibis.ifelse(
        meant.notnull(),
        ibis.literal("TagRepair ") + rows[f"meantby_{stem}"] + ": " + held,
        _cases(spelt_by),
    )
    always, always_by = _virtual(rows, tag, Wins.ALWAYS)
    virtual, virtual_by = _virtual(rows, tag, Wins.MISSING)
    whose = [
        (rows[column].notnull(), ibis.literal(f"label of {_WHOSE[by]} ") + rows[by])
        for by, column in given
    ]
    is_repaired = meant.notnull() | (raw.isnull() & held.notnull())
    steps = (
        (always, TagFrom.VIRTUAL, always_by),
        (ibis.ifelse(is_repaired, ibis.coalesce(meant, held), NONE), TagFrom.REPAIRED, repaired_by),
        (held, TagFrom.RAW, NONE),
        (virtual, TagFrom.VIRTUAL, virtual_by),
        (ibis.coalesce(NONE, *(rows[column] for _, column in given)), TagFrom.INHERITED,
         _cases(whose)),
    )  # fmt: skip
    return {
        name: ibis.coalesce(*(value for value, _, _ in steps)),
        f"rawtag_{stem}": raw,
        f"tagfrom_{stem}": _cases([(v.notnull(), ibis.literal(f.value)) for v, f, _ in steps]),
        f"tagby_{stem}": _cases([(value.notnull(), by) for value, _, by in steps]),
    }


def _spelt(rows: Table, word: str) -> Column:
    """What was delivered under another spelling, which may have a column of its own."""
    column = spelling_column(word)
    return _text(rows, column if column in rows.columns else tag_column(word))


NONE: Final = ibis.null("string")


def _text(rows: Table, name: str) -> Column:
    return rows[name].nullif("") if name in rows.columns else NONE


def _cases(branches: Sequence[tuple[Column, Column]]) -> Column:
    return ibis.cases(*branches, else_=NONE) if branches else NONE


def _moment(rows: Table) -> Column:
    """When the charge starts; of an adjustment, when the month of its use does."""
    return ibis.coalesce(rows.charge_start, (rows.charge_month + "-01").cast("timestamp"))


def _during(rows: Table, start: dt.datetime | None, end: dt.datetime | None) -> Column:
    test = YES
    for moment, is_start in ((start, True), (end, False)):
        if moment is not None:
            edge = ibis.literal(moment.replace(tzinfo=None), "timestamp")
            test &= (_moment(rows) >= edge) if is_start else (_moment(rows) < edge)
    return test


_WHOSE: Final = {"pool": "Pool", "account": "account", "platform": "Platform", "team": "Team"}


def _virtual(rows: Table, tag: Tag, wins: Wins) -> tuple[Column, Column]:
    """The value of the rules that hold, and which; where two say different values, none."""
    tests = [
        (_matches(rows, spec.match) & _during(rows, _start_of(spec.start), _start_of(spec.until)),
         spec.value, name)
        for name, spec in tag.virtual if spec.wins is wins
    ]  # fmt: skip
    values, said = [], []
    for test, value, name in tests:
        against = (other for other, differs, _ in tests if differs != value)
        alone = functools.reduce(lambda held, other: held & ~other.fill_null(False), against, test)
        values.append((alone, ibis.literal(value)))
        said.append((alone, ibis.literal(f"VirtualTag {name}")))
    return _cases(values), _cases(said)


def _start_of(day: dt.date | None) -> dt.datetime | None:
    return None if day is None else dt.datetime.combine(day, dt.time())


def _matches(rows: Table, selectors: Iterable[Selector]) -> Column:
    found = NO
    for selector in selectors:
        test = YES
        for term, value in selector.terms.items():
            kind, _, key = term.partition(":")
            held = _text(rows, tag_column(key)) if kind == "tag" else rows[TERMS[term]]
            test &= held == value
        found |= test.fill_null(False)
    return found


def tags_told(tags: Iterable[Tag], asked: Iterable[str]) -> list[str]:
    """One sentence for each key asked for (tag:KEY) that is not simply as delivered."""
    keys = {name.partition(":")[2] for name in asked if name.startswith(("tag:", "tag-from:"))}
    return [_told(tag) for tag in tags if tag.key in keys]


def _told(tag: Tag) -> str:
    mended = [f"{raw} to {value}" for (_, value), raws in tag.values.items() for raw in raws]
    parts = []
    if tag.spellings:
        parts.append(f"{', '.join(tag.spellings)} read as {tag.key}")
    if mended:
        more = f" and {len(mended) - MOST} more" if len(mended) > MOST else ""
        parts.append(f"repaired {', '.join(mended[:MOST])}{more}")
    if tag.virtual:
        parts.append(f"virtual by {', '.join(name for name, _ in tag.virtual)}")
    if tag.labels:
        whose = dict.fromkeys(_WHOSE[COLUMNS[label.whose]] for label in tag.labels)
        parts.append(f"else the label of its {', '.join(whose)}")
    if tag.unclear:
        parts.append(f"two TagRepairs disagree on {', '.join(tag.unclear)}, left as delivered")
    return (
        f"tag:{tag.key} is as meant ({RULE}): {'; '.join(parts)}; raw-tag:{tag.key} as delivered."
    )


MOST: Final = 3  # repairs named in one sentence
