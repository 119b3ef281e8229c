"""The settings of one ledger: `config.yaml` in its home."""

from pydantic import Field

from watermaster.model.record import Record


class Signer(Record):
    """A key whose signatures of models are believed."""

    name: str = Field(min_length=1, description="as evidence names who signed")
    public_key: str = Field(description="file with the key in PEM, from the home on")


class Config(Record):
    """Settings; every one has a default that works on a laptop."""

    organisation: str = Field("My organisation", description="name shown on pages and reports")
    currency: str = Field(
        "USD",
        pattern="^[A-Z]{3}$",
        description="currency that figures are converted to where rates are declared",
    )
    database: str | None = Field(
        None, description="SQLAlchemy address of the records; none: records.db in the home"
    )
    lake: str | None = Field(None, description="folder of the fact tables; none: lake in the home")
    threads: int | None = Field(None, gt=0, description="threads of the engine; none: all cores")
    memory_gib: float = Field(2.0, gt=0, description="memory of the engine before it spills, GiB")
    lock_wait_s: int = Field(60, ge=0, description="seconds a writer waits for another")
    signers: list[Signer] = Field([], description="keys whose signatures of models are believed")
    artefacts: list[str] | None = Field(
        None,
        description="folders and prefixes that the server may read itself to verify what is "
        "registered; none: all where nobody else can ask, otherwise nothing",
    )
