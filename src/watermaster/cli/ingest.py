"""`wm ingest`: take in bills and telemetry."""

import dataclasses
import datetime as dt
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.errors import UsageError
from watermaster.model.ingested import Ingested

app = command_group("Take in bills and telemetry; may be run again at any time.")


@app.callback()
def _group() -> None:
    """Take in bills and telemetry; may be run again at any time."""


def _bills(type_: str) -> None:
    """Add `wm ingest TYPE` for one type of bill."""

    @app.command(type_, help=BILLS[type_], epilog=examples(*EXAMPLES[type_]))
    def command(
        location: Annotated[
            str | None, typer.Argument(help="file, folder, glob, s3:// or abfs://")
        ] = None,
        source: Annotated[
            str | None, typer.Option(help="the Source it is from; its settings apply")
        ] = None,
        currency: Annotated[
            str | None, typer.Option(help="for bills that do not say theirs")
        ] = None,
        date_format: Annotated[
            str | None, typer.Option(help="strptime format where dates are ambiguous")
        ] = None,
        exported_at: Annotated[
            dt.datetime | None, typer.Option(help="when the bill was exported, UTC")
        ] = None,
        replace: Annotated[
            bool, typer.Option("--replace", help="also if older or much smaller than what is held")
        ] = False,
        strict: Annotated[
            bool, typer.Option("--strict", help="one bad row refuses the file")
        ] = False,
        origin: Annotated[
            str, typer.Option(help="drop: leave out charges that their allocated rows replace")
        ] = "refuse",
        allocate: Annotated[bool, typer.Option(help="allocate what was taken in")] = True,
    ) -> None:
        from watermaster.flows.allocate import allocate_months
        from watermaster.flows.ingest import IngestOptions, ingest_bills
        from watermaster.flows.sources import named_source
        from watermaster.model.resources import SourceType
        from watermaster.observe.focus import Origin

        if origin not in list(Origin):
            raise UsageError("--origin", f"{origin!r} is none", f"write {' or '.join(Origin)}")
        opened = project()
        name, spec = named_source(opened, SourceType(type_), source, location)
        told = {"currency": currency, "date_format": date_format}
        spec = spec.model_copy(update={key: value for key, value in told.items() if value})
        options = IngestOptions(
            exported_at=exported_at.replace(tzinfo=dt.UTC) if exported_at else None,
            is_replacing=replace,
            is_strict=strict,
            origin=Origin(origin),
        )
        found = ingest_bills(opened, name, spec, options)
        months = sorted({one.period for one in found.slices})
        if allocate and months:
            allocate_months(opened, months)
        _show_bills(found, name)


def _show_bills(found: Ingested, name: str) -> None:
    rows = [
        {
            "month": one.period, "part": one.part, "rows": one.rows, "billed": one.cost,
            "rows before": one.was_rows, "billed before": one.was_cost,
        }
        for one in found.slices
    ]  # fmt: skip
    above = [f"{one.file}: FOCUS {one.version}, {one.rows} rows" for one in found.files]
    notes = [note for one in found.files for note in one.notices]
    if found.unchanged:
        notes.append(f"{found.unchanged} files were held already, byte for byte")
    if found.rejected:
        notes.append(f"{found.rejected} rows rejected: wm ingest rejected --source {name}")
    columns = ["month", "rows", "billed", "rows before", "billed before"]
    table = Table(columns, rows, wide=["part"], above=above, below=notes, empty="nothing new")
    show(found, table)


@app.command(
    "rejected",
    epilog=examples("wm ingest rejected --source aws", "wm ingest rejected --limit 0 -o csv"),
)
def rejected(
    source: Annotated[str | None, typer.Option(help="only rows of this source")] = None,
    limit: Annotated[int, typer.Option(min=0, help="rows to show; 0: all")] = 100,
) -> None:
    """List the cells that made rows unusable, each with what to write instead."""
    from watermaster.flows.rejected import rejected as rejected_rows

    found = rejected_rows(project(), source, limit or None)
    rows = [dataclasses.asdict(cell) for cell in found.rows]
    more = found.total - len(rows)
    below = [f"{more} more: add --limit 0"] if more else []
    columns = ["source", "file", "row", "column", "value", "reason"]
    show(found, Table(columns, rows, below=below, empty="no row was rejected"))


def _telemetry(type_: str) -> None:
    """Add `wm ingest TYPE` for one type of telemetry source."""

    @app.command(
        type_,
        help=TELEMETRY[type_],
        epilog=examples(
            f"wm ingest {type_} --source NAME",
            f"wm ingest {type_} LOCATION --source NAME --since 2026-10-01 --until 2026-11-01",
        ),
    )
    def command(
        location: Annotated[
            str | None, typer.Argument(help="file, folder, glob or address of a server")
        ] = None,
        source: Annotated[
            str | None, typer.Option(help="the Source it is from; its settings apply")
        ] = None,
        since: Annotated[dt.datetime | None, typer.Option(help="first moment, UTC")] = None,
        until: Annotated[dt.datetime | None, typer.Option(help="end, UTC, not included")] = None,
        platform: Annotated[str | None, typer.Option(help="name given to what it sees")] = None,
    ) -> None:
        from watermaster.flows.telemetry import asked_window, ingest_telemetry, telemetry_source

        opened = project()
        name, spec = telemetry_source(opened, type_, source, location)
        spec = spec.model_copy(update={"platform": platform} if platform else {})
        done = ingest_telemetry(opened, name, spec, asked_window(opened, spec, since, until))
        rows = [
            {"table": table, "rows": count, "first": done.days[table][0],
             "last": done.days[table][1]}
            for table, count in done.rows.items()
        ]  # fmt: skip
        notes = ["wm allocate brings the costs up to date"]
        if done.rejected:
            notes.append(f"{done.rejected} rows rejected: wm ingest rejected --source {name}")
        show(done, Table(["table", "rows", "first", "last"], rows, below=notes, empty="no rows"))


@app.command("rules", epilog=examples("wm ingest rules", "wm ingest rules --source aws -o json"))
def rules(
    source: Annotated[str | None, typer.Option(help="of this Source only")] = None,
) -> None:
    """List the rules of FOCUS that delivered bills break; such bills are read all the same."""
    from watermaster.flows.breaks import broken_rules

    found = broken_rules(project(), source)
    rows = [
        {"source": one.source, "file": one.file, "rule": one.rule, "rows": one.rows,
         "first row": one.first_row, "what": one.what, "column": one.column}
        for one in found.breaks
    ]  # fmt: skip
    columns = ["file", "rule", "rows", "first row", "what"]
    show(found, Table(columns, rows, wide=["source", "column"], empty="no rule is broken"))


TELEMETRY = {
    "prometheus": "Take in DCGM series from a Prometheus server: GPU supply and use.",
    "slurm": "Take in Slurm accounting, live or saved: jobs, GPU-hours and node supply.",
    "bedrock": "Take in requests to Amazon Bedrock: model invocation logs from S3 or a folder.",
    "azure-openai": "Take in requests to Azure OpenAI: token metrics of Azure Monitor.",
    "openai": "Take in requests to OpenAI: saved pages of the organisation's usage API.",
    "anthropic": "Take in requests to Anthropic: saved pages of the Admin API's usage report.",
    "litellm": "Take in requests through LiteLLM: its spend logs as JSON or CSV.",
    "otlp": "Take in what was received at /v1/metrics and /v1/traces: requests to models.",
    "kubernetes": "Take in what stands in a cluster: kubernetes:CONTEXT of your kubeconfig.",
    "openshift": "Take in OpenShift GPU usage files, MIG slices included.",
    "ray": "Take in a Ray cluster from its dashboard: nodes, jobs, Serve applications.",
    "mlflow": "Take in MLflow tracking: experiments, runs and model versions, who and when.",
    "aws": "Take in what stands in AWS accounts: aws:eu-central-1,us-east-1.",
    "azure": "Take in what stands in Azure subscriptions: azure:SUBSCRIPTION, or azure: for all.",
    "store": "Take in what lies in s3://BUCKET, abfs://CONTAINER or a folder: sizes, checkpoints.",
    "access-log": "Take in who read which prefix: logs of S3, CloudTrail and Azure storage.",
    "usage": "Take in plain files of GPU use, supply, subjects, runs and transfers.",
}
BILLS = {
    "focus": "Take in FOCUS bills: each month they hold is replaced whole; bad rows are listed.",
    "aws-cur": "Take in AWS Cost and Usage Reports, legacy or 2.0: of each month the newest run.",
    "azure-cost": "Take in Azure cost exports, actual and amortised: of each month the newest run.",
}
EXAMPLES = {
    "focus": (
        "wm ingest focus bills/2026-10.csv.gz --source aws", "wm ingest focus --source aws",
        "wm ingest focus 's3://exports/focus/*.parquet' --source azure",
    ),
    "aws-cur": ("wm ingest aws-cur s3://exports/cur/daily --source aws",),
    "azure-cost": ("wm ingest azure-cost abfs://exports/costs --source azure",),
}  # fmt: skip
for _type in BILLS:
    _bills(_type)
for _type in TELEMETRY:
    _telemetry(_type)
