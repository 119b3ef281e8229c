"""Records of the registry as MLflow's clients read them, and errors in MLflow's form."""

from typing import Any, Final

from starlette.responses import JSONResponse, Response

from watermaster.model.artefacts import TamperedError
from watermaster.model.errors import (
    BadInputError,
    BusyError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    StorageError,
    UsageError,
    WatermasterError,
)
from watermaster.model.gates import GateRefusedError
from watermaster.model.registry import (
    MlflowError,
    ModelVersion,
    RegisteredModel,
    StandsError,
    TakenError,
    UnknownModelError,
    UnknownVersionError,
)

# error, MLflow's code, its error class, its SQLSTATE; the first that fits
CODES: Final[tuple[tuple[type[WatermasterError], str, str, str], ...]] = (
    (TakenError, "RESOURCE_ALREADY_EXISTS", "RESOURCE_ALREADY_EXISTS", "KAM00"),
    (UnknownModelError, "RESOURCE_DOES_NOT_EXIST", "RESOURCE_NOT_FOUND", "KAM00"),
    (UnknownVersionError, "RESOURCE_DOES_NOT_EXIST", "RESOURCE_NOT_FOUND", "KAM00"),
    (NotFoundError, "ENDPOINT_NOT_FOUND", "ENDPOINT_NOT_FOUND", "KAM00"),
    (NotSignedInError, "UNAUTHENTICATED", "UNAUTHENTICATED", "KAM00"),
    (NotAllowedError, "PERMISSION_DENIED", "PERMISSION_DENIED", "KAM00"),
    (GateRefusedError, "PERMISSION_DENIED", "PERMISSION_DENIED", "KAM00"),
    (StandsError, "PERMISSION_DENIED", "PERMISSION_DENIED", "KAM00"),
    (BusyError, "RESOURCE_CONFLICT", "RESOURCE_CONFLICT", "KAM00"),
    (StorageError, "TEMPORARILY_UNAVAILABLE", "TEMPORARILY_UNAVAILABLE", "XXM00"),
    (UsageError, "INVALID_PARAMETER_VALUE", "INVALID_PARAMETER_VALUE", "KAM00"),
    (TamperedError, "INVALID_PARAMETER_VALUE", "INVALID_PARAMETER_VALUE", "KAM00"),
    (BadInputError, "INVALID_PARAMETER_VALUE", "INVALID_PARAMETER_VALUE", "KAM00"),
)
INTERNAL: Final = ("INTERNAL_ERROR", "CLIENT_INTERNAL_ERROR", "XXM00")


def refusal(error: WatermasterError, mark: str, status: int | None = None) -> Response:
    """An error as MLflow's clients raise it. mark: an id to quote."""
    known = (rest for kind, *rest in CODES if isinstance(error, kind))
    code, kind, state = next(known, INTERNAL)
    message = error.what if isinstance(error, MlflowError) else str(error)
    if code == INTERNAL[0]:
        message = f"{message} (id {mark})"
    told = {"error_code": code, "message": message, "sqlstate": state, "error_class": kind}
    return JSONResponse(
        told, status or (404 if code == "ENDPOINT_NOT_FOUND" else error.http_status)
    )


def model_told(model: RegisteredModel) -> dict[str, Any]:
    """A model; what is empty is left out, as protobuf does."""
    told: dict[str, Any] = {
        "name": model.name,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
    }
    if model.description:
        told["description"] = model.description
    if model.latest:
        told["latest_versions"] = [version_told(one, with_aliases=False) for one in model.latest]
    if model.tags:
        told["tags"] = _tags_told(model.tags)
    if model.aliases:
        told["aliases"] = [
            {"alias": alias, "version": str(version)} for alias, version in model.aliases
        ]
    return told


def version_told(one: ModelVersion, *, with_aliases: bool = True) -> dict[str, Any]:
    """A version; MLflow tells its aliases only where one version is asked for."""
    told: dict[str, Any] = {
        "name": one.model,
        "version": str(one.version),
        "creation_timestamp": one.created_ms,
        "last_updated_timestamp": one.updated_ms,
        "current_stage": one.stage,
        "source": one.source,
        "run_id": one.run_id or "",
        "status": one.status,
        "run_link": one.run_link or "",
    }
    optional = {
        "description": one.description, "user_id": one.user_id,
        "status_message": one.status_message,
    }  # fmt: skip
    told |= {name: value for name, value in optional.items() if value is not None}
    if one.tags:
        told["tags"] = _tags_told(one.tags)
    if one.aliases and with_aliases:
        told["aliases"] = list(one.aliases)
    return told


def _tags_told(tags: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags]
