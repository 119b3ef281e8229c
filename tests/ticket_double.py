"""A double of three ticket systems: the calls we make, in the shapes their makers document.

GitHub: https://docs.github.com/en/rest/issues/issues; Jira:
https://developer.atlassian.com/cloud/jira/platform/rest/v2/; ServiceNow: its Table API. It checks
who signs in, as they do, and refuses fields they would refuse.
"""

import base64
import http.server
import json
import re
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

USER, SECRET = "wm@example.org", "s3cret"
BASIC = "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
BEARER = f"Bearer {SECRET}"


class Ticketing(http.server.BaseHTTPRequestHandler):
    """One request; `server.held` are the tickets, `server.asked` all that was asked."""

    def _answer(self):
        place = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(place.query).items()}
        size = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        self.server.asked.append((self.command, place.path, body))
        status, told = self.server.system(self, place.path, query, body)
        if self.server.lose_answers and self.command == "POST":
            self.close_connection = True  # it was done, and nobody hears of it
            return
        held = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(held)))
        self.end_headers()
        self.wfile.write(held)

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def do_PATCH(self):
        self._answer()

    def log_message(self, *_):
        pass


def github(request, path, query, body):
    if request.headers["authorization"] != BEARER:
        return 401, {"message": "Bad credentials"}
    held = request.server.held
    found = re.fullmatch(r"/repos/org/infra/issues(?:/(\d+))?(/comments)?", path)
    if found is None:
        return 404, {"message": "Not Found"}
    number = found[1] and int(found[1])
    if number and number not in held:
        return 410, {"message": "This issue was deleted"}
    if found[2]:
        held[number]["comments"].append(body["body"])
        return 201, {"id": 1, "body": body["body"]}
    if number:
        return 200, held[number]
    if request.command == "GET":
        label = query["labels"]
        return 200, [one for one in reversed(held.values()) if label in one["labels"]][:1]
    made = len(held) + 1
    held[made] = {
        "number": made, "html_url": f"https://github.example/org/infra/issues/{made}",
        "state": "open", "state_reason": None, "title": body["title"], "body": body["body"],
        "labels": body["labels"], "comments": [],
    }  # fmt: skip
    return 201, held[made]


def jira(request, path, query, body):
    if request.headers["authorization"] != BASIC:
        return 401, {"errorMessages": ["Basic authentication with passwords is deprecated."]}
    held = request.server.held
    if path == "/rest/api/2/search/jql" and request.server.is_own_house:
        return 404, {"errorMessages": ["null for uri"]}
    if path in {"/rest/api/2/search/jql", "/rest/api/2/search"}:
        label = re.search(r'labels = "([^"]+)"', query["jql"])[1]
        found = [one for one in reversed(held.values()) if label in one["fields"]["labels"]]
        return 200, {"issues": found[:1], "isLast": True}
    if path == "/rest/api/2/issue":
        if set(body["fields"]) - {"project", "issuetype", "summary", "description", "labels"}:
            return 400, {"errors": {"fields": "cannot be set"}}
        key = f"OPS-{len(held) + 1}"
        status = {"name": "To Do", "statusCategory": {"key": "new"}}
        fields = body["fields"] | {"status": status, "resolution": None}
        held[key] = {"id": "1", "key": key, "fields": fields, "comments": []}
        return 201, {"id": "1", "key": key, "self": "x"}
    found = re.fullmatch(r"/rest/api/2/issue/([A-Z]+-\d+)(/comment)?", path)
    if found is None or found[1] not in held:
        return 404, {"errorMessages": ["Issue does not exist or you do not have permission"]}
    if found[2]:
        held[found[1]]["comments"].append(body["body"])
        return 201, {"id": "1"}
    return 200, held[found[1]]


def servicenow(request, path, query, body):
    if request.headers["authorization"] != BASIC:
        return 401, {"error": {"message": "User Not Authenticated", "detail": ""}}
    held = request.server.held
    found = re.fullmatch(r"/api/now/table/incident(?:/(\w+))?", path)
    if found is None:
        return 400, {"error": {"message": "Invalid table"}, "status": "failure"}
    if request.command == "PATCH":
        record = next(one for one in held.values() if one["sys_id"]["value"] == found[1])
        record["comments"].append(body["comments"])
        return 200, {"result": {"sys_id": record["sys_id"]}}
    if request.command == "GET":
        name, _, value = query["sysparm_query"].partition("^")[0].partition("=")
        hits = [one for one in reversed(held.values()) if one[name]["value"] == value]
        return 200, {"result": hits[:1]}
    number = f"INC{len(held) + 1:07d}"
    told = {"number": number, "sys_id": f"{len(held) + 1:032x}", "active": "true"} | body
    held[number] = {name: {"value": value, "display_value": value} for name, value in told.items()}
    held[number] |= {"state": {"value": "1", "display_value": "New"}, "comments": []}
    return 201, {"result": held[number]}


CLOSE = {
    "github": lambda one: one.update(state="closed", state_reason="completed"),
    "jira": lambda one: one["fields"].update(
        status={"name": "Done", "statusCategory": {"key": "done"}}, resolution={"name": "Fixed"}
    ),
    "servicenow": lambda one: one.update(
        active={"value": "false"}, state={"value": "7", "display_value": "Closed"}
    ),
}
SYSTEMS = {"github": github, "jira": jira, "servicenow": servicenow}
PROJECTS = {"github": "org/infra", "jira": "OPS", "servicenow": None}


@contextmanager
def ticketing(name):
    """A system of this name on a free port of this machine, and the Channel that leads there."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ticketing)
    server.system, server.held, server.asked = SYSTEMS[name], {}, []
    server.lose_answers = server.is_own_house = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.channel = {
        "type": name, "location": f"http://127.0.0.1:{server.server_address[1]}",
        "project": PROJECTS[name], "secret": "env:TICKET_SECRET",
        "user": None if name == "github" else USER,
    }  # fmt: skip
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
