"""What an API server does before it writes: it asks webhooks, and judges policies, as declared."""

import base64
import json
import ssl
import urllib.error
import urllib.request
import uuid

from tests.kubernetes_double.kinds import RESOURCES, Resource
from tests.kubernetes_double.objects import Json, Objects, RefusedError
from tests.kubernetes_double.selectors import matches

GROUP = "admissionregistration.k8s.io"


class Admission:
    """Asks in the name of a user; what is warned of is kept for the answer's headers."""

    def __init__(self, objects: Objects, user: str = "reader") -> None:
        self.objects, self.user = objects, user
        self.warnings: list[str] = []

    def ask(
        self, kind: Resource, key: tuple[str, str], objects: tuple[Json | None, Json | None],
        *, is_rehearsal: bool,
    ) -> None:  # fmt: skip
        """objects: what was and what would be."""
        was, new = objects
        if kind.group == GROUP or new is None:
            return
        operation = "CREATE" if was is None else "UPDATE"
        request = {
            "uid": str(uuid.uuid4()), "operation": operation, "dryRun": is_rehearsal,
            "kind": {"group": kind.group, "version": kind.versions[0], "kind": kind.kind},
            "resource": {"group": kind.group, "version": kind.versions[0],
                         "resource": kind.plural},
            "namespace": key[0], "name": key[1], "userInfo": {"username": self.user},
            "object": dressed(kind, new), "oldObject": was and dressed(kind, was),
        }  # fmt: skip
        for policy in self._held("ValidatingAdmissionPolicy"):
            self._judge(policy, request)
        for hooks in self._held("ValidatingWebhookConfiguration"):
            for hook in hooks["webhooks"]:
                if fits(hook["rules"], request) and self._in_scope(hook, key[0]):
                    self._call(hook, request)

    def _call(self, hook: Json, request: Json) -> None:
        try:
            told = sent(hook, request)["response"]
            assert told["uid"] == request["uid"]
        except (OSError, ValueError, KeyError, AssertionError) as error:
            if hook.get("failurePolicy", "Fail") == "Ignore":
                return
            what = f'failed calling webhook "{hook["name"]}": {error}'
            raise RefusedError(500, "InternalError", f"Internal error occurred: {what}") from None
        self.warnings += told.get("warnings", [])
        if not told["allowed"]:
            status = told.get("status", {})
            what = f'admission webhook "{hook["name"]}" denied the request: {status["message"]}'
            raise RefusedError(status.get("code", 403), status.get("reason", "Forbidden"), what)

    def _judge(self, policy: Json, request: Json) -> None:
        from cel_expr_python import cel

        spec, name = policy["spec"], policy["metadata"]["name"]
        bound = [one["spec"] for one in self._held("ValidatingAdmissionPolicyBinding")
                 if one["spec"]["policyName"] == name]  # fmt: skip
        scope = spec["matchConstraints"]
        if not fits(scope["resourceRules"], request):
            return
        if not self._in_scope(scope, request["namespace"]):
            return
        env = cel.NewEnv(variables=dict.fromkeys(("object", "params", "variables"), cel.Type.DYN))
        for one in bound:
            reference = one["paramRef"]
            params = self._find("ConfigMap", (reference["namespace"], reference["name"]))
            values: Json = {"object": request["object"], "params": params, "variables": {}}
            for variable in spec.get("variables", []):
                said = env.compile(variable["expression"]).eval(data=values)
                values["variables"][variable["name"]] = said.plain_value()
            for check in spec["validations"]:
                said = params and env.compile(check["expression"]).eval(data=values).value()
                if said is not True:
                    what = f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied"
                    what = f"{what} request: {check['message']}"
                    raise RefusedError(403, "Forbidden", what)

    def _held(self, kind: str) -> list[Json]:
        found = next(one for one in RESOURCES if one.kind == kind)
        return list(self.objects.held[found].values())

    def _find(self, kind: str, key: tuple[str, str]) -> Json | None:
        found = next(one for one in RESOURCES if one.kind == kind)
        return self.objects.held[found].get(key)

    def _in_scope(self, scope: Json, namespace: str) -> bool:
        wanted = (scope.get("namespaceSelector") or {}).get("matchLabels") or {}
        space = self._find("Namespace", ("", namespace))
        text = ",".join(f"{key}={value}" for key, value in wanted.items())
        return space is not None and matches(space, text, "")


def sent(hook: Json, request: Json) -> Json:
    """What a webhook answers."""
    client = hook["clientConfig"]
    context = ssl.create_default_context(cadata=base64.b64decode(client["caBundle"]).decode())
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    asked = urllib.request.Request(
        client["url"], json.dumps(review).encode(), {"content-type": "application/json"}
    )
    wait_s = hook.get("timeoutSeconds", 10)
    with urllib.request.urlopen(asked, timeout=wait_s, context=context) as answer:
        return json.loads(answer.read())


def fits(rules: list[Json], request: Json) -> bool:
    """Whether rules of a webhook or a policy take a request."""
    about = request["resource"]
    return any(
        _in(rule["apiGroups"], about["group"]) and _in(rule["apiVersions"], about["version"])
        and _in(rule["resources"], about["resource"])
        and _in(rule["operations"], request["operation"])
        for rule in rules
    )  # fmt: skip


def _in(words: list[str], word: str) -> bool:
    return "*" in words or word in words


def dressed(kind: Resource, told: Json) -> Json:
    """An object as it is sent."""
    version = f"{kind.group}/{kind.versions[0]}" if kind.group else "v1"
    return {"apiVersion": version, "kind": kind.kind} | told
