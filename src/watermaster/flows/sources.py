"""Which Source a delivery is from: as declared, or for a location alone."""

from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.estate import live_estate
from watermaster.model.resources import Resource, SourceSpec, SourceType


def named_source(
    project: Project, kind: SourceType, name: str | None, location: str | None
) -> tuple[str, SourceSpec]:
    """Name and settings of the Source; NotFoundError when neither is known."""
    declared = known_estate(project).at("Source", name or "", project.ledger.clock())
    if declared is not None:
        spec: SourceSpec = declared.spec
        if spec.type is not kind:
            raise UsageError(
                f"source {name}", f"is of type {spec.type}", f"use wm ingest {spec.type}"
            )
        update = {"location": location} if location else {}
        return declared.metadata.name, spec.model_copy(update=update)
    if location is None:
        raise NotFoundError(
            f"source {name}" if name else f"wm ingest {kind}",
            "no such Source is declared" if name else "names neither a location nor a Source",
            "name a file, folder or address, or declare the Source",
        )
    return name or kind.value, SourceSpec(type=kind, location=location)


def declared_sources(project: Project) -> list[Resource]:
    """The Sources that hold until further notice, by name."""
    return [version.resource for version in live_estate(known_estate(project)).of("Source")]
