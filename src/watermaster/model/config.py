"""The settings of one ledger: `config.yaml` in its home."""

from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from watermaster.model.door import DoorSettings
from watermaster.model.record import Record

HERE: Final = ("localhost", "127.0.0.1", "::1")


class SignIn(Record):
    """How people sign in: with the organisation's own provider of identities (OpenID Connect)."""

    issuer: str = Field(description="address of the provider, exactly as it names itself")
    client_id: str = Field(min_length=1, description="what the provider calls Watermaster")
    client_secret: str | None = Field(
        None, description="env:NAME or file:PATH; none: a public client, PKCE alone"
    )
    public_url: str = Field(description="address people reach Watermaster at")
    plain_http: bool = Field(
        default=False, description="true: people may sign in over http:// though others may listen"
    )
    scopes: list[str] = Field(["openid", "email", "profile"], description="asked of the provider")
    name_claim: str = Field(
        "email", description="claim that names a person; one that people cannot change themselves"
    )
    groups_claim: str = Field("groups", description="claim that lists a person's groups")
    admins: list[str] = Field(
        [], description="name of a person, or group:NAME: who administers Watermaster"
    )
    auditors: list[str] = Field([], description="the same: who sees everything and changes nothing")
    session_hours: float = Field(12, gt=0, le=720, description="longest until signing in again")
    idle_minutes: int = Field(60, ge=1, description="a session nobody uses ends after so long")
    attempts_a_minute: int = Field(
        20, ge=1, description="failed or begun sign-ins from one address before it waits"
    )
    proxies: list[str] = Field(
        [], description="addresses of reverse proxies, whose X-Forwarded-For is believed"
    )

    @model_validator(mode="after")
    def _is_safe(self) -> "SignIn":
        if not _is_private(self.issuer):
            msg = f"issuer {self.issuer!r} could be impersonated; write https://"
            raise ValueError(msg)
        place = urlsplit(self.public_url)
        if place.scheme not in {"http", "https"} or not place.hostname or place.path.strip("/"):
            msg = f"publicUrl {self.public_url!r} is no address; write https://HOST"
            raise ValueError(msg)
        if not self.plain_http and not _is_private(self.public_url):
            msg = "publicUrl over http:// lets others read sessions; write https://, or plainHttp"
            raise ValueError(msg)
        if "openid" not in self.scopes:
            msg = "scopes lack openid, without which nobody is named; add it"
            raise ValueError(msg)
        return self

    @property
    def is_https(self) -> bool:
        """Whether cookies may be held to encrypted connections."""
        return self.public_url.startswith("https://")


class EventSink(Record):
    """Who is told of every change and every refusal, as OCSF events."""

    to: str = Field(
        description="udp://HOST:514, tcp://HOST:514, tls://HOST:6514, unix:/dev/log, https://..."
    )
    secret: str | None = Field(None, description="env:NAME or file:PATH: signs what a webhook gets")

    @model_validator(mode="after")
    def _can_be_reached(self) -> "EventSink":
        place = urlsplit(self.to)
        is_net = place.scheme in {"udp", "tcp", "tls"} and bool(place.hostname)
        is_file = place.scheme == "unix" and bool(place.path)
        if not (is_net or is_file or _is_private(self.to)):
            msg = f"{self.to!r} is no receiver; write e.g. tls://HOST:6514 or https://ADDRESS"
            raise ValueError(msg)
        return self


def _is_private(address: str) -> bool:
    """Encrypted, or never leaving this machine."""
    place = urlsplit(address)
    return bool(place.hostname) and (
        place.scheme == "https" or (place.scheme == "http" and place.hostname in HERE)
    )


class Signer(Record):
    """A key whose signatures of models are believed."""

    name: str = Field(min_length=1, description="as evidence names who signed")
    public_key: str = Field(description="file with the key in PEM, from the home on")


class RegistrySettings(Record):
    """How the model registry looks beyond itself."""

    tracking: str | None = Field(
        None,
        pattern=r"^https?://[^\s@]+$",
        description="address of the MLflow tracking server that knows runs and logged models; "
        "none: lineage of what is registered stays unresolved",
    )
    tracking_token: str | None = Field(
        None, description="where its bearer token is: env:NAME or file:PATH"
    )


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
        description="folders and prefixes that may be read to verify what is registered; none: "
        "nothing at registration, and later all for who uses this machine",
    )
    registry: RegistrySettings | None = Field(
        None, description="how the model registry looks beyond itself; none: it does not"
    )
    sign_in: SignIn | None = Field(
        None, description="who may ask; none: whoever can use this machine, and nobody else"
    )
    door: DoorSettings = Field(
        DoorSettings(), description="what clusters are told about models they are asked to run"
    )
    events: list[EventSink] = Field(
        [], description="who is told of every change and every refusal, as OCSF events"
    )
