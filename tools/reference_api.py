"""docs/reference/api.md from the OpenAPI document of the server."""

import tempfile
from pathlib import Path
from typing import Any


def pages() -> dict[str, str]:
    """The page of all routes."""
    document = openapi()
    shown = [
        _route(path, method, route)
        for path, methods in sorted(document["paths"].items())
        for method, route in methods.items()
    ]
    intro = (
        "# REST\n\nEach route answers one record that a flow returns, as `wm ... -o json` prints "
        "it: money is text with all its digits. `GET /api/v1/openapi.json` is the OpenAPI "
        "document, `GET /metrics` speaks Prometheus' text format. An error is "
        '`{"error": {"where", "what", "fix", "id"}}`, its status is in [errors](errors.md).\n\n'
    )
    return {"api.md": intro + "\n".join(shown)}


def openapi() -> dict[str, Any]:
    """The document, of a server over an empty ledger."""
    from watermaster.flows.open import create_project
    from watermaster.serve.app import create_app

    with tempfile.TemporaryDirectory() as home:
        document: dict[str, Any] = create_app(create_project(Path(home))).openapi()
        return document


def _route(path: str, method: str, route: dict[str, Any]) -> str:
    rows = "".join(
        f"| `{one['name']}` | {one['in']} | {one.get('description', '')} |\n"
        for one in route.get("parameters", [])
    )
    table = f"\n| parameter | in | meaning |\n|---|---|---|\n{rows}" if rows else ""
    return f"## {method.upper()} {path}\n\n{route['description']}{_answer(route)}\n{table}"


def _answer(route: dict[str, Any]) -> str:
    content = route["responses"]["200"].get("content", {})
    named = str(content.get("application/json", {}).get("schema", {}).get("$ref", ""))
    return f" Answers `{named.rsplit('/', 1)[-1]}`." if named else ""
