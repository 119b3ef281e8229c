"""Flip one byte where nobody should, again and again: each must be found, and named.

Drawn at random: a cell of the audit log, of evidence or of an artefact's record in the ledger
(as `wm audit verify` reads them), a file of a signed artefact (as `wm model verify`), or an
exported log (as `wm audit verify --file`). Named means: that row and that column, that file.
"""

import argparse
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import sqlalchemy as sa

from figures import Figure, run
from watermaster.flows.artefacts import keep_artefact, look_at, verify_version
from watermaster.flows.audit import export_file, verify, verify_file
from watermaster.flows.evidence import give_evidence
from watermaster.flows.open import Project, create_project
from watermaster.flows.signing import sign_folder
from watermaster.ledger.audit import chained
from watermaster.ledger.dsse import private_key, read_public_key
from watermaster.ledger.records import AUDIT
from watermaster.ledger.registry_records import (
    ARTEFACTS,
    EVIDENCE,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
)
from watermaster.ledger.sealed import readable
from watermaster.model.config import Config, Signer
from watermaster.model.events import tell_nobody

MODEL = "claims-triage"
KINDS = ("audit", "evidence", "record", "artefact", "export")
TABLES = {"audit": (AUDIT, "seq"), "evidence": (EVIDENCE, "id"), "record": (ARTEFACTS, "digest")}


@dataclass(frozen=True, slots=True)
class Stage:
    """A ledger with a signed artefact, evidence and a signed export of its log."""

    project: Project
    model: Path
    export: Path
    key: Path
    dice: random.Random
    moved: dict[int, int] = field(default_factory=dict)  # row id to another it was given

    def tried(self, kind: str) -> tuple[bool, bool]:
        """One flip and its undoing: whether it was found, and whether it was named."""
        if kind == "artefact":
            return self._file()
        return self._export() if kind == "export" else self._cell(kind)

    def _cell(self, kind: str) -> tuple[bool, bool]:
        table, key = TABLES[kind]
        row, column, was, name = self._drawn(table, key)
        now = self._flipped(was) if isinstance(was, bytes) else was ^ (1 << self.dice.randrange(31))
        try:
            self._put(table, row, column, now)
        except sa.exc.IntegrityError:  # the number of another row
            return self._cell(kind)
        breaks = verify(self.project).breaks
        self._put(table, row, column, was)
        word = "artefact" if kind == "record" else kind
        things = {f"{word} {name}", f"{word} {_told(now) if column == key else name}"}
        is_named = any(one.thing in things and column in {one.column, key} for one in breaks)
        return bool(breaks), is_named

    def _drawn(self, table: sa.Table, key: str) -> tuple[int, str, bytes | int, str]:
        """Row id, one of its columns with what it holds, and what the row is named by."""
        cells = [f"CAST({c.name} AS BLOB)" if _is_text(c) else c.name for c in table.c]
        text = f"SELECT rowid, {key}, {', '.join(cells)} FROM {table.name} ORDER BY rowid"
        with self.project.ledger.records.connect() as connection:
            row, name, *held = self.dice.choice(connection.exec_driver_sql(text).all())
        column, value = self.dice.choice(
            [(c.name, v) for c, v in zip(table.c, held, strict=True) if v is not None]
        )
        return row, column, value, str(name)

    def _put(self, table: sa.Table, row: int, column: str, value: bytes | int) -> None:
        cell = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
        # the number of a piece of evidence is its row id: it is found by what is left
        text = f"UPDATE {table.name} SET {column} = {cell} WHERE rowid = ?"
        with self.project.ledger.records.begin() as connection:
            done = connection.exec_driver_sql(text, (value, self.moved.pop(row, row)))
            assert done.rowcount == 1
        if isinstance(value, int) and column == "number" and value != row:
            self.moved[row] = value

    def _flipped(self, raw: bytes) -> bytes:
        place, by = self.dice.randrange(len(raw)), self.dice.randrange(1, 256)
        return raw[:place] + bytes([raw[place] ^ by]) + raw[place + 1 :]

    def _file(self) -> tuple[bool, bool]:
        path = self.dice.choice(sorted(p for p in self.model.rglob("*.bin")))
        raw = path.read_bytes()
        path.write_bytes(self._flipped(raw))
        breaks = verify_version(self.project, MODEL, 1, at=str(self.model)).breaks
        path.write_bytes(raw)
        return bool(breaks), [one.thing for one in breaks] == [
            f"file {path.relative_to(self.model)}"
        ]

    def _export(self) -> tuple[bool, bool]:
        raw = self.export.read_bytes()
        place = self.dice.randrange(len(raw))
        by = self.dice.randrange(1, 256)
        self.export.write_bytes(raw[:place] + bytes([raw[place] ^ by]) + raw[place + 1 :])
        breaks = verify_file(self.export, read_public_key("key", self.key)).breaks
        self.export.write_bytes(raw)
        number = raw.count(b"\n", 0, place)
        line = json.loads(raw.splitlines()[number])
        row = line.get("audit", {}).get("seq"), line.get("evidence", {}).get("id")
        wanted = {f"audit {row[0]}", f"evidence {row[1]}", f"line {number + 1}"}
        wanted |= {"proof", "signature"} if "proof" in line else set()
        return bool(breaks), bool(wanted & {one.thing for one in breaks})


def _is_text(column: sa.Column[str]) -> bool:
    return isinstance(column.type, sa.String)


def _told(value: bytes | int) -> str:
    return (
        readable(value.decode("utf-8", "surrogateescape"))
        if isinstance(value, bytes)
        else (str(value))
    )


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Flips by kind, those that were not found, those that were not named."""
    with tempfile.TemporaryDirectory() as folder:
        stage = _stage(Path(folder), random.Random(chosen.seed))
        began = time.monotonic()
        flips, unfound, unnamed = Counter[str](), Counter[str](), Counter[str]()
        for _ in range(chosen.trials):
            kind = stage.dice.choice(KINDS)
            found, named = stage.tried(kind)
            flips[kind] += 1
            unfound[kind] += not found
            unnamed[kind] += not named
        took_s = time.monotonic() - began
        whole = verify(stage.project).is_whole and verify_version(stage.project, MODEL, 1).is_whole
    for kind in KINDS:
        yield Figure(bench="tamper", figure=f"{kind}_flips", value=flips[kind], unit="flips")
        for name, count in (("unfound", unfound), ("unnamed", unnamed)):
            yield Figure(bench="tamper", figure=f"{kind}_{name}", value=count[kind],
                         unit="flips", target="0")  # fmt: skip
    yield Figure(bench="tamper", figure="whole_after", value=int(whole), unit="yes", target="1")
    yield Figure(bench="tamper", figure="ms_a_flip", value=round(took_s * 1000 / chosen.trials, 1),
                 unit="ms")  # fmt: skip


def _stage(folder: Path, dice: random.Random) -> Stage:
    model, key = folder / "model", folder / "key.pem"
    (model / "weights").mkdir(parents=True)
    for number, size_bytes in enumerate((1, 17, 4_096, 65_536, 262_144)):
        (model / "weights" / f"part-{number}.bin").write_bytes(dice.randbytes(size_bytes))
    made = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)]
    subprocess.run(made, check=True, capture_output=True)
    public = ["openssl", "ec", "-in", str(key), "-pubout", "-out", str(folder / "key.pub")]
    subprocess.run(public, check=True, capture_output=True)
    sign_folder(str(model), private_key(key), None, tell_nobody)
    settings = Config(signers=[Signer(name="key", public_key=str(folder / "key.pub"))])
    made_project = create_project(folder / "home", actor="bénédicte")
    project = replace(made_project, config=settings)
    _fill(project, model)
    export_file(project, folder / "audit.jsonl", private_key(key))
    return Stage(project, model, folder / "audit.jsonl", folder / "key.pub", dice)


def _fill(project: Project, model: Path) -> None:
    """One model of two versions, the second without an artefact, and evidence of both."""
    with project.ledger.records.begin() as connection:
        connection.execute(
            REGISTERED_MODELS.insert().values(
                name=MODEL, created_ms=1, updated_ms=1, made_by="ada", next_version=3
            )
        )
        for version in (1, 2):
            connection.execute(
                MODEL_VERSIONS.insert().values(
                    model=MODEL, version=version, created_ms=1, updated_ms=1, made_by="ada",
                    stage="None", status="READY", lineage="resolved", source=str(model),
                )
            )  # fmt: skip
    looked = look_at(project, str(model))
    with chained(project.ledger.records) as connection:
        keep_artefact(connection, project, (MODEL, 1), looked)
    for number in range(12):
        told = {"tool": f"scänner {number}", "critical": number % 2, "high": number}
        give_evidence(project, "scan", MODEL, 1 + number % 2, told)
        slow = {"p50Ms": 10.5, "p95Ms": 20 + number, "perS": 100}
        give_evidence(project, "latency", MODEL, 1 + number % 2, slow)


if __name__ == "__main__":
    raise SystemExit(run(measure, "trials=10000", "seed=0"))
