"""What a cluster is given so that it asks the door, and holds the gate while the door is down."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.flows.passed import gates_of, passed
from watermaster.ledger.registry_records import MODEL_VERSIONS
from watermaster.model.door import DIGEST_NOTE, MODEL_NOTE
from watermaster.model.errors import BadInputError, UsageError

API: Final = "admissionregistration.k8s.io/v1"
NAME: Final = "watermaster-door"
PASSED: Final = "watermaster-passed"  # ConfigMap of the digests that passed
MOST_BYTES: Final = 1_000_000  # of a ConfigMap
RULES: Final = (
    ("", "v1", ("pods", "replicationcontrollers")),
    ("apps", "v1", ("deployments", "statefulsets", "daemonsets", "replicasets")),
    ("batch", "v1", ("jobs", "cronjobs")),
    ("serving.kserve.io", "*", ("inferenceservices",)),
    ("ray.io", "*", ("rayclusters", "rayjobs", "rayservices")),
    ("leaderworkerset.x-k8s.io", "*", ("leaderworkersets",)),
    ("jobset.x-k8s.io", "*", ("jobsets",)),
)
PLAIN: Final = 3  # of RULES: those whose pods the policy can find by one path


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """How a cluster reaches the door."""

    environment: str
    url: str | None = None  # of a door outside the cluster
    service: str | None = None  # NAMESPACE/NAME[:PORT] of one inside
    ca: Path | None = None  # PEM of who signed its certificate; none: the cluster knows already
    namespace: str = "default"  # where the ConfigMap lies


def webhook(project: Project, where: Where) -> dict[str, Any]:
    """A ValidatingWebhookConfiguration with the failurePolicy that the settings declare."""
    door = project.config.door
    policy = "Fail" if door.when_down == "refuse" else "Ignore"
    rules = [
        {"apiGroups": [group], "apiVersions": [version], "resources": list(plurals),
         "operations": ["CREATE", "UPDATE"], "scope": "Namespaced"}
        for group, version, plurals in RULES
    ]  # fmt: skip
    hook = {
        "name": "door.watermaster.dev", "admissionReviewVersions": ["v1"],
        "sideEffects": "NoneOnDryRun", "failurePolicy": policy,
        "timeoutSeconds": door.timeout_s, "matchPolicy": "Equivalent",
        "namespaceSelector": {"matchLabels": {door.label: where.environment}},
        "clientConfig": _client(where), "rules": rules,
    }  # fmt: skip
    about = {"name": f"{NAME}-{where.environment}"}
    return {"apiVersion": API, "kind": "ValidatingWebhookConfiguration", "metadata": about,
            "webhooks": [hook]}  # fmt: skip


def policy(project: Project, where: Where) -> list[dict[str, Any]]:
    """A ValidatingAdmissionPolicy, judged by the API server itself, and its binding."""
    door, name = project.config.door, f"{NAME}-{where.environment}"
    rules = [
        {"apiGroups": [group], "apiVersions": [version], "resources": list(plurals),
         "operations": ["CREATE", "UPDATE"]}
        for group, version, plurals in RULES[:PLAIN]
    ]  # fmt: skip
    spec = {
        "failurePolicy": "Fail",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {door.label: where.environment}},
            "resourceRules": rules,
        },
        "variables": [{"name": one, "expression": text} for one, text in VARIABLES.items()],
        "validations": [
            {"expression": text, "message": told, "reason": "Forbidden"}
            for text, told in VALIDATIONS
        ],
    }
    bound = {
        "policyName": name, "validationActions": ["Deny"],
        "paramRef": {"name": f"{PASSED}-{where.environment}", "namespace": where.namespace,
                     "parameterNotFoundAction": "Deny"},
    }  # fmt: skip
    return [
        {"apiVersion": API, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
         "spec": spec},
        {"apiVersion": API, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
         "spec": bound},
    ]  # fmt: skip


def passed_map(project: Project, where: Where) -> dict[str, Any]:
    """A ConfigMap of the digests that have passed the gates as of now."""
    digests = passed_digests(project, where.environment)
    text = "".join(f"{one}\n" for one in digests)
    if len(text) > MOST_BYTES:
        what = f"{len(digests)} digests are more than a ConfigMap holds"
        raise UsageError(where.environment, what, "rely on the webhook: wm door render --only hook")
    about = {"name": f"{PASSED}-{where.environment}", "namespace": where.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"digests": text}}


def passed_digests(project: Project, environment: str) -> list[str]:
    """The digests of all versions that have passed."""
    of = MODEL_VERSIONS.c
    query = sa.select(of.model, of.version, of.digest).where(
        of.deleted_at.is_(None), of.digest.is_not(None)
    )
    with project.ledger.records.connect() as connection:
        gates = gates_of(connection, project, environment)
        held, of_here = connection.execute(query).all(), (environment, gates)
        found = {
            digest
            for model, version, digest in held
            if passed(connection, project, (model, version), of_here).has_passed
        }
    return sorted(found)


def _client(where: Where) -> dict[str, Any]:
    found: dict[str, Any] = {}
    path = f"/admit/{where.environment}"
    if where.service:
        place, _, port = where.service.partition(":")
        namespace, _, name = place.partition("/")
        if not namespace or not name or (port and not port.isdigit()):
            raise UsageError(
                where.service, "names no service", "write NAMESPACE/NAME or .../NAME:8443"
            )
        found["service"] = {"namespace": namespace, "name": name, "path": path,
                            "port": int(port or 443)}  # fmt: skip
    elif where.url and where.url.startswith("https://"):
        found["url"] = where.url.rstrip("/") + path
    else:
        what = "does not say where the door is; clusters speak https only"
        raise UsageError(
            "wm door render", what, "give --url https://HOST:8443 or --service NS/NAME"
        )
    if where.ca:
        try:
            found["caBundle"] = base64.b64encode(where.ca.read_bytes()).decode()
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise BadInputError(str(where.ca), what, "name a PEM file") from None
    return found


VARIABLES: Final = {
    "template": (
        "has(object.spec.jobTemplate) ? object.spec.jobTemplate.spec.template : "
        "has(object.spec.template) ? object.spec.template : object"
    ),
    "notes": (
        "has(variables.template.metadata) && has(variables.template.metadata.annotations) ? "
        "variables.template.metadata.annotations : {}"
    ),
    "pod": "variables.template.spec",
    "boxes": (
        "(has(variables.pod.containers) ? variables.pod.containers : []) + "
        "(has(variables.pod.initContainers) ? variables.pod.initContainers : [])"
    ),
    "named": (
        f"'{MODEL_NOTE}' in variables.notes || variables.boxes.exists(b, "
        "(has(b.env) && b.env.exists(e, has(e.value) && e.value.contains('models:/'))) || "
        "(has(b.args) && b.args.exists(a, a.contains('models:/'))) || "
        "(has(b.command) && b.command.exists(a, a.contains('models:/'))) || "
        "(has(b.resources) && has(b.resources.limits) && "
        "b.resources.limits.exists(r, r.endsWith('/gpu'))))"
    ),
    "digest": f"'{DIGEST_NOTE}' in variables.notes ? variables.notes['{DIGEST_NOTE}'] : ''",
}
VALIDATIONS: Final = (
    (
        "!variables.named || variables.digest != ''",
        f"names a model or asks for GPUs, and has no annotation {DIGEST_NOTE}",
    ),
    (
        "variables.digest == '' || (variables.digest.matches('^sha256:[0-9a-f]{64}$') && "
        "params.data.digests.contains(variables.digest))",
        f"the digest in {DIGEST_NOTE} has not passed the gates (wm gate check DIGEST)",
    ),
)
