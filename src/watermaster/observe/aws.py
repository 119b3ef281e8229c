"""What stands in AWS accounts outside clusters: instances, volumes, snapshots, SageMaker.

Location: `aws:eu-central-1,us-east-1`. Credentials are those of botocore (environment, profile,
role of the machine); a role that may only read is in docs/how-to/connect-aws.md. A kind that may
not be listed is told as a rejected row, never as nothing there.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, canonical, seen_rows
from watermaster.units.periods import Period

PREFIX: Final = "aws:"
GIB: Final = 1 << 30
TRAINED: Final = timedelta(days=31)  # how long training jobs that ended are told
Client = Callable[[str], Any]  # service name to botocore client
_DENIED: Final = ("AccessDenied", "UnauthorizedOperation", "AccessDeniedException")


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """One row of `subjects` for each thing there is now, on the last day of the window."""
    at = window.end - timedelta(microseconds=1)
    regions = [one.strip() for one in source.location.removeprefix(PREFIX).split(",")]
    if not source.location.startswith(PREFIX) or not all(regions):
        fix = "write aws: and the regions, e.g. aws:eu-central-1,us-east-1"
        raise BadInputError(source.location, "names no AWS region", fix)
    for region in regions:
        client = _clients(source, region)
        account = _account(client, source.location)
        place = _Place(source.platform or f"aws-{region}", account, region, at)
        for kind, read in _KINDS.items():
            yield from _kind(place, kind, read(client, place), tell)


class _Place:
    """Where and when things are seen."""

    def __init__(self, platform: str, account: str, region: str, at: datetime) -> None:
        self.platform, self.account, self.region, self.at = platform, account, region, at

    def arn(self, service: str, rest: str) -> str:
        """The id bills name a thing by."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def row(self, kind: str, uid: str, **told: Any) -> Row:
        """One thing, seen now."""
        labels = told.pop("labels", {})
        return {
            "day": f"{self.at:%Y-%m-%d}", "platform": self.platform, "subject_kind": kind,
            "subject_uid": uid, "account": self.account, "labels": canonical(labels),
            "first_seen": self.at, "last_seen": self.at,
            "attributes": canonical({"region": self.region}),
        } | told  # fmt: skip


def _kind(place: _Place, kind: str, rows: Iterable[Row], tell: Tell) -> Iterator[Seen]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield from seen_rows("subjects", list(rows))
    except ClientError as error:
        told = error.response.get("Error", {})
        action = f"{error.operation_name}"
        fix = f"grant {action}" if told.get("Code") in _DENIED else "try again"
        yield from _unread(place, kind, f"{told.get('Code')}: {fix}", tell)
    except BotoCoreError as error:
        yield from _unread(place, kind, f"{error}; try again", tell)


def _unread(place: _Place, kind: str, reason: str, tell: Tell) -> Iterator[Seen]:
    tell(Notice(f"{place.platform}: {kind} could not be listed: {reason}"))
    row = {"delivery": "", "file": place.platform, "row": 0, "column": kind, "reason": reason}
    yield from seen_rows("rejected", [row])


def _clients(source: SourceSpec, region: str) -> Client:
    try:
        from botocore.config import Config
        from botocore.session import Session
    except ImportError as error:
        fix = "install it: pip install 'watermaster[aws]'"
        raise BadInputError(source.location, f"needs botocore ({error})", fix) from None
    session = Session(profile=source.options.get("profile"))
    patient = Config(retries={"mode": "adaptive", "max_attempts": 8}, connect_timeout=10)
    brief = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=10)

    @functools.cache
    def client(service: str) -> Any:
        config = brief if service == "sts" else patient  # who may not ask is told at once
        return session.create_client(service, region_name=region, config=config)

    return client


def _account(client: Client, where: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(client("sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        fix = "check the credentials: aws sts get-caller-identity must answer"
        raise BadInputError(where, f"cannot be asked ({error})", fix) from None


def _instances(client: Client, place: _Place) -> Iterator[Row]:
    ec2 = client("ec2")
    held = [
        one
        for reservation in _pages(ec2, "describe_instances", "Reservations")
        for one in reservation["Instances"]
    ]
    accelerators = _accelerators(ec2, {one["InstanceType"] for one in held})
    for one in held:
        count, model = accelerators.get(one["InstanceType"], (0, None))
        yield place.row(
            "instance", one["InstanceId"], name=_tags(one).get("Name", one["InstanceId"]),
            resource_id=place.arn("ec2", f"instance/{one['InstanceId']}"),
            state=one["State"]["Name"], created_at=one.get("LaunchTime"), gpus=count or None,
            accelerator=model, labels=_tags(one),
            attributes=canonical({"region": place.region, "type": one["InstanceType"]}),
        )  # fmt: skip


def _accelerators(ec2: Any, types: set[str]) -> dict[str, tuple[int, str | None]]:
    """Instance type to how many accelerators it has, and which."""
    found: dict[str, tuple[int, str | None]] = {}
    for start in range(0, len(types), 100):  # as many as one request may name
        names = sorted(types)[start : start + 100]
        for one in _pages(ec2, "describe_instance_types", "InstanceTypes", InstanceTypes=names):
            held = one.get("GpuInfo", {}).get("Gpus") or one.get("NeuronInfo", {}).get(
                "NeuronDevices", []
            )
            count = sum(int(each.get("Count", 0)) for each in held)
            found[one["InstanceType"]] = count, held[0].get("Name") if held else None
    return found


def _volumes(client: Client, place: _Place) -> Iterator[Row]:
    for one in _pages(client("ec2"), "describe_volumes", "Volumes"):
        attached = [held["InstanceId"] for held in one.get("Attachments", [])]
        yield place.row(
            "volume", one["VolumeId"], name=_tags(one).get("Name"),
            resource_id=place.arn("ec2", f"volume/{one['VolumeId']}"), state=one["State"],
            created_at=one["CreateTime"], bytes=one["Size"] * GIB, labels=_tags(one),
            parent_uid=attached[0] if attached else None,
        )  # fmt: skip


def _snapshots(client: Client, place: _Place) -> Iterator[Row]:
    for one in _pages(client("ec2"), "describe_snapshots", "Snapshots", OwnerIds=["self"]):
        yield place.row(
            "snapshot", one["SnapshotId"], name=_tags(one).get("Name"),
            resource_id=place.arn("ec2", f"snapshot/{one['SnapshotId']}"), state=one["State"],
            created_at=one["StartTime"], bytes=one["VolumeSize"] * GIB, labels=_tags(one),
            parent_uid=one.get("VolumeId"),
        )  # fmt: skip


def _endpoints(client: Client, place: _Place) -> Iterator[Row]:
    sagemaker = client("sagemaker")
    for one in _pages(sagemaker, "list_endpoints", "Endpoints"):
        told = sagemaker.describe_endpoint(EndpointName=one["EndpointName"])
        config = sagemaker.describe_endpoint_config(EndpointConfigName=told["EndpointConfigName"])
        models = [held["ModelName"] for held in config["ProductionVariants"]]
        yield place.row(
            "endpoint", one["EndpointName"], name=one["EndpointName"],
            resource_id=one["EndpointArn"], state=one["EndpointStatus"].lower(),
            created_at=one["CreationTime"], model=", ".join(sorted(set(models))),
            artefact=_artefact(sagemaker, models[0]) if models else None,
            labels=_sagemaker_tags(sagemaker, one["EndpointArn"]),
        )  # fmt: skip


def _artefact(sagemaker: Any, model: str) -> str | None:
    """Where the model's weights lie."""
    held = sagemaker.describe_model(ModelName=model).get("PrimaryContainer", {})
    return held.get("ModelDataUrl") or held.get("Image")


def _notebooks(client: Client, place: _Place) -> Iterator[Row]:
    sagemaker = client("sagemaker")
    for one in _pages(sagemaker, "list_notebook_instances", "NotebookInstances"):
        yield place.row(
            "notebook", one["NotebookInstanceName"], name=one["NotebookInstanceName"],
            resource_id=one["NotebookInstanceArn"], state=one["NotebookInstanceStatus"].lower(),
            created_at=one["CreationTime"], last_used=one.get("LastModifiedTime"),
            labels=_sagemaker_tags(sagemaker, one["NotebookInstanceArn"]),
        )  # fmt: skip


def _training_jobs(client: Client, place: _Place) -> Iterator[Row]:
    sagemaker = client("sagemaker")
    since = place.at - TRAINED
    for one in _pages(sagemaker, "list_training_jobs", "TrainingJobSummaries"):
        if one["CreationTime"] >= since:
            yield place.row(
                "job", one["TrainingJobName"], name=one["TrainingJobName"],
                resource_id=one["TrainingJobArn"], state=one["TrainingJobStatus"].lower(),
                created_at=one["CreationTime"],
                labels=_sagemaker_tags(sagemaker, one["TrainingJobArn"]),
            )  # fmt: skip


def _pages(client: Any, operation: str, key: str, **asked: Any) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator(operation).paginate(**asked):
        yield from page[key]


def _tags(one: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}


def _sagemaker_tags(sagemaker: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in _pages(sagemaker, "list_tags", "Tags",
                                                       ResourceArn=arn)}  # fmt: skip


_KINDS: Final[dict[str, Callable[[Client, _Place], Iterator[Row]]]] = {
    "instance": _instances,
    "volume": _volumes,
    "snapshot": _snapshots,
    "endpoint": _endpoints,
    "notebook": _notebooks,
    "training job": _training_jobs,
}
