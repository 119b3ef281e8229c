"""What the double of Azure's control plane lets be changed: disks, snapshots, machines, tags.

After the REST reference; ids are in any case, answers in the case they were made in.
"""

import re
from copy import deepcopy

GONE = 404, {"error": {"code": "ResourceNotFound"}}
TAGS = "/providers/microsoft.resources/tags/default"
DISK = "microsoft.compute/disks"


def change(azure, method: str, path: str, body: dict) -> tuple[int, object]:
    """Status and document."""
    if azure.busy:
        azure.busy -= 1
        return 429, {"error": {"code": "TooManyRequests"}}
    does, _, rest = azure.denied.partition(" ")
    if does == method and rest in path:
        return 403, {"error": {"code": "AuthorizationFailed"}}
    id_ = path.lower()
    for end, answer in _PARTS.items():
        if id_.endswith(end):
            one = find(azure, id_.removesuffix(end))
            return answer(azure, one, method, body) if one else GONE
    one = find(azure, id_)
    if method == "PUT":
        return put(azure, path, body)
    if one is None:
        return GONE
    if method == "DELETE":
        azure.resources.remove(one)
        return 202, {}
    if method == "PATCH":
        one.update({key: body[key] for key in ("tags", "sku") if key in body})
    elif one.get("looks"):
        one["looks"] -= 1
        if not one["looks"]:
            one["properties"]["provisioningState"] = "Succeeded"
    return 200, _told(one)


def find(azure, id_: str) -> dict | None:
    """A resource by its id."""
    return next((one for one in azure.resources if one["id"].lower() == id_.lower()), None)


def put(azure, path: str, body: dict) -> tuple[int, object]:
    """Made from what it names; that must be there."""
    origin = body["properties"]["creationData"]["sourceResourceId"]
    source = find(azure, origin)
    if source is None:
        return 404, {"error": {"code": "NotFound", "message": origin}}
    if (old := find(azure, path)) is not None:
        azure.resources.remove(old)
    kind = "/".join([path.split("/")[6], path.split("/")[7]])
    made = deepcopy(body) | {"id": path, "name": path.rpartition("/")[2], "type": kind.lower()}
    azure.made = getattr(azure, "made", 0) + 1
    told = made["properties"]
    told |= {"diskState": "Unattached", "uniqueId": f"unique-{azure.made}",
             "provisioningState": "Creating" if azure.slow else "Succeeded",
             "holds": source["properties"].get("holds")}  # fmt: skip
    told.setdefault("diskSizeGB", source["properties"]["diskSizeGB"])
    made["looks"] = azure.slow
    azure.resources.append(made)
    return 202, _told(made)


def _told(one: dict) -> dict:
    return {key: value for key, value in one.items() if key != "looks"}


def _tags(azure, one, method, body):
    if method == "GET":
        return 200, {"properties": {"tags": one.get("tags", {})}}
    tags = one.setdefault("tags", {})
    given = body.get("properties", {}).get("tags", {})
    names = {name.lower(): name for name in tags}
    for name, value in given.items():
        held = names.get(name.lower(), name)
        if body["operation"] == "Merge":
            tags[held] = value
        elif body["operation"] == "Delete" and tags.get(held) == value:
            del tags[held]
    if not tags:
        del one["tags"]
    return 200, {"properties": {"tags": tags}}


def _power(state):
    def answer(azure, one, method, body):
        one["power"] = state
        return 202, {}

    return answer


def _view(azure, one, method, body):
    codes = ["ProvisioningState/succeeded", f"PowerState/{one.get('power', 'running')}"]
    return 200, {"statuses": [{"code": code} for code in codes]}


def _deployments(azure, one, method, body):
    start = re.compile(re.escape(f"{one['id']}/deployments/"), re.IGNORECASE)
    return 200, {"value": [each for each in azure.resources if start.match(each["id"])]}


_PARTS = {TAGS: _tags, "/instanceview": _view, "/deallocate": _power("deallocated"),
          "/start": _power("running"), "/deployments": _deployments}  # fmt: skip
