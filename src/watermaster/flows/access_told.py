"""What the logs of stores tell of declared datasets and registered models, for the access log."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.accesses import replace_days
from watermaster.ledger.registry_records import MODEL_VERSIONS
from watermaster.model.access import Access, Verb
from watermaster.model.places import lies_in
from watermaster.model.seen import ACCESSES, Seen

_ARN: Final = re.compile(r"^arn:[\w-]+:s3:::")
_AZURE_WEB: Final = re.compile(r"^https://([a-z0-9]+)\.(?:blob|dfs)\.[\w.-]+/([^/]+)/?")
_AZURE: Final = re.compile(r"^(?:abfss?|wasbs?|az)://([^/@]+)(?:@([a-z0-9]+)[\w.-]*)?")
Key = tuple[datetime, str, str, str, str]  # hour, thing, place, subject, verb


@dataclass(slots=True)
class Told:
    """Accesses summed as they pass by: by hour, thing, place, who and what was done."""

    source: str
    places: Mapping[str, tuple[str, str]]  # address to the declared one and the thing
    days: set[str] = field(default_factory=set)
    held: dict[Key, list[int]] = field(default_factory=dict)

    def without(self, found: Iterable[Seen]) -> Iterator[Seen]:
        """The same rows but for accesses, which are taken out and kept."""
        for one in found:
            if one.table == ACCESSES:
                self._take(one.rows)
            else:
                yield one

    def keep(self, connection: sa.Connection) -> None:
        """Put them in the log in place of what the source told of the same days before."""
        rows = [
            Access(id=self._id(key), at=key[0], source=self.source, subject=key[3],
                   verb=Verb(key[4]), thing=key[1], place=key[2], requests=requests,
                   bytes=size_bytes if key[4] == Verb.READ else None)
            for key, (requests, size_bytes) in sorted(self.held.items())
        ]  # fmt: skip
        replace_days(connection, self.source, self.days, rows)

    def _take(self, rows: pa.RecordBatch) -> None:
        for row in rows.to_pylist():
            self.days.add(f"{row['hour']:%Y-%m-%d}")
            folder = row["folder"]
            known = lies_in(folder, self.places) or lies_in(_unnamed(folder), self.places)
            if known is None:
                continue
            declared, thing = known
            place = declared if row["verb"] == Verb.READ else folder
            key = row["hour"], thing, place, row["subject"], row["verb"]
            held = self.held.setdefault(key, [0, 0])
            held[0] += row["requests"]
            held[1] += row["bytes"]

    def _id(self, key: Key) -> str:
        told = "\0".join((self.source, key[0].isoformat(), *key[1:]))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def told_of(project: Project, source: str) -> Told:
    """What is looked for: the places of declared datasets and of versions in the registry."""
    places: dict[str, tuple[str, str]] = {}
    with project.ledger.records.connect() as connection:
        for row in connection.execute(sa.select(MODEL_VERSIONS)).mappings():
            thing = f"model/{row['model']}/{row['version']}"
            for place in {row.get("storage"), row["source"]} - {None, ""}:
                places[plain_address(place)] = place, thing
    for version in known_estate(project).of("Dataset"):
        for place in version.resource.spec.locations:
            places[plain_address(place)] = place, f"dataset/{version.resource.metadata.name}"
    return Told(source, places)


def plain_address(place: str) -> str:
    """A store's address as the logs tell it.

    >>> plain_address("arn:aws:s3:::lake/claims/"), plain_address("s3a://lake/claims")
    ('s3://lake/claims', 's3://lake/claims')
    >>> plain_address("abfss://claims@corp.dfs.core.windows.net/2026")
    'abfs://claims@corp/2026'
    >>> plain_address("https://corp.blob.core.windows.net/claims/2026")
    'abfs://claims@corp/2026'
    """
    text = _ARN.sub("s3://", place).rstrip("/")
    if text.startswith(("s3a://", "s3n://")):
        return f"s3://{text[6:]}"
    if web := _AZURE_WEB.match(f"{text}/"):
        return f"abfs://{web[2]}@{web[1]}/{f'{text}/'[web.end() :]}".rstrip("/")
    if store := _AZURE.match(text):
        account = f"@{store[2]}" if store[2] else ""
        return f"abfs://{store[1]}{account}{text[store.end() :]}"
    return text


def _unnamed(folder: str) -> str:
    """Without the account, as a Dataset may name a container."""
    scheme, sign, rest = folder.partition("://")
    store, slash, below = rest.partition("/")
    return f"{scheme}{sign}{store.partition('@')[0]}{slash}{below}"
