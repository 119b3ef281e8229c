"""Models on disk, keys, and a registry that holds them."""

import subprocess
from pathlib import Path

import sqlalchemy as sa

from tests.flows.registry_work import registry_at
from watermaster.flows.open import Project
from watermaster.ledger.registry_records import MODEL_VERSIONS
from watermaster.model.config import Config, Signer

FILES = {"MLmodel": b"flavors: {}\n", "weights/part-1.bin": bytes(range(256)) * 40,
         "weights/part-2.bin": b"\0" * 999}  # fmt: skip


def make_key(path: Path, curve: str = "prime256v1") -> Path:
    """A private key, and its public one beside it as .pub."""
    made = ["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", str(path)]
    subprocess.run(made, check=True, capture_output=True)
    public = ["openssl", "ec", "-in", str(path), "-pubout", "-out", str(path.with_suffix(".pub"))]
    subprocess.run(public, check=True, capture_output=True)
    return path


def make_model(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    """A folder of files."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def registered(home: Path, places: dict[int, Path], **settings: object) -> Project:
    """A registry of versions whose files lie somewhere, none of them read yet."""
    project = registry_at(home, *places)
    with project.ledger.records.begin() as connection:
        for version, place in places.items():
            connection.execute(
                MODEL_VERSIONS.update()
                .where(MODEL_VERSIONS.c.version == version)
                .values(digest=sa.null(), source=str(place))
            )
    object.__setattr__(project, "config", Config(**settings))
    return project


def trusting(key: Path) -> dict[str, object]:
    """Settings that believe a key."""
    return {"signers": [Signer(name="release", public_key=str(key.with_suffix(".pub")))]}


def flip(path: Path, place: int = 0, by: int = 1) -> None:
    """Change one byte of a file."""
    raw = bytearray(path.read_bytes())
    raw[place % len(raw)] ^= by
    path.write_bytes(raw)
