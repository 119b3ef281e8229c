"""Events of identity and change as OCSF 1.3 has them, for whoever watches security.

Source: https://schema.ocsf.io/1.3.0, classes Account Change (3001), Authentication (3002), User
Access Management (3005) and API Activity (6003). Rows of the audit log become events, in their
order and with their `seq` as uid; a refused request becomes one that no row tells.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

VERSION: Final = "1.3.0"
SUCCESS: Final = 1
FAILURE: Final = 2
INFORMATIONAL: Final = 1
LOW: Final = 2
HIGH: Final = 4


class Class(IntEnum):
    """Classes of events; the thousands are their category."""

    ACCOUNT_CHANGE = 3001
    AUTHENTICATION = 3002
    USER_ACCESS = 3005
    API_ACTIVITY = 6003


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an action of the audit log is in OCSF; `of`: the detail that names the account."""

    cls: Class
    activity: int
    of: str = ""
    severity: int = INFORMATIONAL


MEANINGS: Final[Mapping[str, Meaning]] = {
    "sign-in": Meaning(Class.AUTHENTICATION, 1, "person"),
    "sign-out": Meaning(Class.AUTHENTICATION, 2, "person"),
    "token-made": Meaning(Class.ACCOUNT_CHANGE, 1, "name"),
    "token-revoked": Meaning(Class.ACCOUNT_CHANGE, 6, "name"),
    "person-barred": Meaning(Class.ACCOUNT_CHANGE, 5, "person", LOW),
    "person-admitted": Meaning(Class.ACCOUNT_CHANGE, 2, "person"),
    "person-forgotten": Meaning(Class.ACCOUNT_CHANGE, 6, "person", LOW),
    "glass-broken": Meaning(Class.USER_ACCESS, 1, "subject", HIGH),
    "glass-ended": Meaning(Class.USER_ACCESS, 2, "subject", LOW),
}
UPDATE: Final = Meaning(Class.API_ACTIVITY, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One row of the audit log."""

    seq: int
    at: str
    actor: str
    action: str
    detail: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that was not let through."""

    at: dt.datetime
    actor: str | None  # None: nobody was known
    address: str
    method: str
    path: str
    status: int
    what: str


def of_row(row: AuditRow, version: str) -> dict[str, Any]:
    """The event of one row of the audit log."""
    meaning = MEANINGS.get(row.action, UPDATE)
    detail = json.loads(row.detail)
    told = _base(meaning, dt.datetime.fromisoformat(row.at), version)
    told["metadata"] |= {"uid": str(row.seq), "original_event_uid": row.hash, "log_name": "audit"}
    told |= {
        "status_id": SUCCESS,
        "actor": {"user": _user(row.actor)},
        "message": row.action,
        "unmapped": detail,
    }
    if meaning.of:
        told["user"] = _user(str(detail.get(meaning.of) or row.actor))
    if meaning.cls is Class.USER_ACCESS:
        told["privileges"] = [str(detail["role"])] if "role" in detail else ["unknown"]
    if meaning.cls is Class.API_ACTIVITY:
        told |= {"api": {"operation": row.action}, "src_endpoint": {"name": "watermaster"}}
    return told


def of_refusal(one: Refusal, version: str) -> dict[str, Any]:
    """The event of a request that was refused: a failed logon where nobody was known."""
    is_logon = one.status in {401, 429} or one.path.startswith("/sign-in")
    activity = {"GET": 2, "POST": 1, "DELETE": 4}.get(one.method, 3)
    meaning = (
        Meaning(Class.AUTHENTICATION, 1, severity=LOW)
        if is_logon
        else Meaning(Class.API_ACTIVITY, activity, severity=LOW)
    )
    told = _base(meaning, one.at, version)
    user = _user(one.actor or "unknown")
    told |= {
        "status_id": FAILURE,
        "status_code": str(one.status),
        "status_detail": one.what,
        "actor": {"user": user},
        "src_endpoint": {"ip": one.address},
        "http_request": {"http_method": one.method, "url": {"path": one.path}},
    }
    if is_logon:
        told["user"] = user
    else:
        told["api"] = {
            "operation": f"{one.method} {one.path}",
            "response": {"code": one.status, "error": one.what},
        }
    return told


def _base(meaning: Meaning, at: dt.datetime, version: str) -> dict[str, Any]:
    return {
        "class_uid": int(meaning.cls),
        "category_uid": int(meaning.cls) // 1000,
        "activity_id": meaning.activity,
        "type_uid": int(meaning.cls) * 100 + meaning.activity,
        "time": int(at.timestamp() * 1000),
        "severity_id": meaning.severity,
        "metadata": {
            "version": VERSION,
            "product": {"name": "Watermaster", "vendor_name": "Watermaster", "version": version},
        },
    }


def _user(name: str) -> dict[str, Any]:
    """Somebody; type 1 is a person, 3 the system and its programs."""
    return {"name": name, "type_id": 3 if name.startswith(("token/", "local")) else 1}
