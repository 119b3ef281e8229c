"""SageMaker: endpoints with the models they serve, models, notebooks, training jobs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from watermaster.observe.aws_account import Region
from watermaster.observe.aws_rows import Found, Held, Place, Read, Types, rows, tags_of

Told = Mapping[str, Any]
ENDED: Final = frozenset({"Completed", "Failed", "Stopped"})


def models(region: Region, place: Place, types: Types) -> Iterator[Found]:
    """Each model with the address of its weights."""
    del types

    def make(one: Told) -> Iterator[Found]:
        name = one["ModelName"]
        held = region.ask("model", "sagemaker.describe_model", ModelName=name) or {}
        weights, images = _weights(held), _images(held)
        yield place.row(
            "model-version", place.uid(name), name=name, resource_id=one["ModelArn"], model=name,
            created_at=one.get("CreationTime"), artefact=next(iter(weights or images), None),
            uses=_list(weights), labels=_tags(region, "model", one["ModelArn"]),
            attributes={"image": ", ".join(images), "mode": _mode(held)},
        )  # fmt: skip

    yield from rows(region, "model", region.pages("model", "sagemaker.list_models", "Models"), make)


def endpoints(region: Region, place: Place, types: Types) -> Iterator[Found]:
    """Each endpoint with its accelerators, its models and where their weights lie."""

    def make(one: Told) -> Iterator[Found]:
        name, kind = one["EndpointName"], "endpoint"
        now = region.ask(kind, "sagemaker.describe_endpoint", EndpointName=name) or {}
        variants = _variants(region, now)
        served = sorted({each["ModelName"] for each in variants if each.get("ModelName")})
        told = [region.ask(kind, "sagemaker.describe_model", ModelName=each) for each in served]
        weights = [place_ for held in told if held for place_ in _weights(held)]
        images = [image for held in told if held for image in _images(held)]
        gpus, accelerator = _held(variants, now, types)
        yield place.row(
            kind, place.uid(name), name=name, resource_id=one["EndpointArn"],
            state=one["EndpointStatus"].lower(), created_at=one["CreationTime"],
            model=", ".join(served) or None, gpus=gpus or None, accelerator=accelerator,
            artefact=next(iter(weights or images), None), uses=_list(weights),
            labels=_tags(region, kind, one["EndpointArn"]),
            attributes={
                "type": ", ".join(sorted({v["InstanceType"] for v in variants
                                          if v.get("InstanceType")})),
                "image": ", ".join(dict.fromkeys(images)),
                "mode": next((mode for held in told if held and (mode := _mode(held))), None),
                "serverless": "yes" if any(v.get("ServerlessConfig") for v in variants) else None,
            },
        )  # fmt: skip

    found = region.pages("endpoint", "sagemaker.list_endpoints", "Endpoints")
    yield from rows(region, "endpoint", found, make)


def _variants(region: Region, now: Told) -> list[Told]:
    """What the endpoint's configuration says; shadow variants too."""
    if "EndpointConfigName" not in now:
        return []
    name = now["EndpointConfigName"]
    asked = {"EndpointConfigName": name}
    config = region.ask("endpoint", "sagemaker.describe_endpoint_config", **asked) or {}
    return [*config.get("ProductionVariants", []), *config.get("ShadowProductionVariants", [])]


def _held(variants: Iterable[Told], now: Told, types: Types) -> Held:
    """Accelerators of all instances there are now, else of those there were to be."""
    running = {
        one["VariantName"]: one.get("CurrentInstanceCount")
        for one in now.get("ProductionVariants") or []
    }
    total, model = 0, None
    for one in variants:
        if one.get("InstanceType"):
            count, kind = types.of(one["InstanceType"])
            machines = running.get(one["VariantName"])
            machines = one.get("InitialInstanceCount", 1) if machines is None else machines
            total, model = total + count * machines, model or kind
    return total, model


def notebooks(region: Region, place: Place, types: Types) -> Iterator[Found]:
    """Notebook instances. When one was last used AWS does not tell, only when it was changed."""

    def make(one: Told) -> Iterator[Found]:
        name = one["NotebookInstanceName"]
        gpus, accelerator = types.of(one["InstanceType"]) if "InstanceType" in one else (0, None)
        yield place.row(
            "notebook", place.uid(name), name=name, resource_id=one["NotebookInstanceArn"],
            state=one["NotebookInstanceStatus"].lower(), created_at=one.get("CreationTime"),
            gpus=gpus or None, accelerator=accelerator,
            labels=_tags(region, "notebook", one["NotebookInstanceArn"]),
            attributes={"type": one.get("InstanceType")},
        )  # fmt: skip

    found = region.pages("notebook", "sagemaker.list_notebook_instances", "NotebookInstances")
    yield from rows(region, "notebook", found, make)


def training_jobs(region: Region, place: Place, types: Types) -> Iterator[Found]:
    """Jobs that run, and those that changed in the window; each is a row of `runs` too."""

    def make(one: Told) -> Iterator[Found]:
        name, kind = one["TrainingJobName"], "training job"
        job = region.ask(kind, "sagemaker.describe_training_job", TrainingJobName=name) or one
        gpus, accelerator = _asked(job.get("ResourceConfig") or {}, types)
        started, ended = job.get("TrainingStartTime"), job.get("TrainingEndTime")
        state = str(one["TrainingJobStatus"])
        if state in ENDED:
            ended = ended or one.get("TrainingEndTime") or one.get("LastModifiedTime")
        yield place.row(
            "job", place.uid(name), name=name, resource_id=one["TrainingJobArn"],
            state=state.lower(), created_at=one["CreationTime"], gpus=gpus or None,
            accelerator=accelerator, uses=_list(_inputs(job)), artefact=_output(job),
            first_seen=one["CreationTime"], last_seen=ended or place.at,
            labels=_tags(region, kind, one["TrainingJobArn"]),
            attributes={"type": (job.get("ResourceConfig") or {}).get("InstanceType")},
        )  # fmt: skip
        if ended is None or place.since <= ended <= place.at:
            yield "runs", {
                "day": f"{ended or place.at:%Y-%m-%d}", "platform": place.platform,
                "subject_kind": "job", "subject_uid": place.uid(name), "attempt": 0, "name": name,
                "account": place.account, "state": state, "submitted_at": one["CreationTime"],
                "started_at": started, "ended_at": ended, "gpus": gpus, "model": accelerator,
            }  # fmt: skip

    yield from rows(region, "training job", _jobs(region, place), make)


def _jobs(region: Region, place: Place) -> Iterator[dict[str, Any]]:
    kind, call, key = "training job", "sagemaker.list_training_jobs", "TrainingJobSummaries"
    told = set()
    for asked in ({"LastModifiedTimeAfter": place.since}, {"StatusEquals": "InProgress"}):
        for one in region.pages(kind, call, key, **asked):
            if one.get("TrainingJobArn") not in told:
                told.add(one.get("TrainingJobArn"))
                yield one


def _asked(config: Told, types: Types) -> Held:
    groups = config.get("InstanceGroups") or ([config] if config.get("InstanceType") else [])
    total, model = 0, None
    for one in groups:
        count, kind = types.of(one["InstanceType"])
        total, model = total + count * int(one.get("InstanceCount") or 1), model or kind
    return total, model


def _inputs(job: Told) -> list[str]:
    sources = [one.get("DataSource", {}) for one in job.get("InputDataConfig") or []]
    held = [one.get("S3DataSource", {}).get("S3Uri") for one in sources]
    return [*filter(None, held), *filter(None, [(job.get("CheckpointConfig") or {}).get("S3Uri")])]


def _output(job: Told) -> str | None:
    made = (job.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
    return made or (job.get("OutputDataConfig") or {}).get("S3OutputPath")


def _containers(model: Told) -> list[Told]:
    first = model.get("PrimaryContainer")
    return [first] if first else list(model.get("Containers") or [])


def _weights(model: Told) -> list[str]:
    """Addresses of a model's weights; of a multi-model container the prefix they lie under."""
    held = []
    for one in _containers(model):
        data = (one.get("ModelDataSource") or {}).get("S3DataSource") or {}
        held.append(one.get("ModelDataUrl") or data.get("S3Uri"))
    return [address for address in held if address]


def _images(model: Told) -> list[str]:
    return [one["Image"] for one in _containers(model) if one.get("Image")]


def _mode(model: Told) -> str | None:
    is_multi = any(one.get("Mode") == "MultiModel" for one in _containers(model))
    return "multi-model" if is_multi else None


def _list(places: Iterable[str]) -> str | None:
    held = sorted(set(places))
    return json.dumps(held, separators=(",", ":")) if held else None


def _tags(region: Region, kind: str, arn: str) -> dict[str, str]:
    """Tags, as far as they are told."""
    found = region.pages(kind, "sagemaker.list_tags", "Tags", ResourceArn=arn)
    return tags_of({"Tags": list(found)})


SAGEMAKER: Final[tuple[Read, ...]] = (models, endpoints, notebooks, training_jobs)
