"""A registry is taken over whole, through the gates, and once."""

import socket
import threading

import pytest
import uvicorn

from tests.components import until
from tests.flows.registry_work import GATE, registry_at
from tests.flows.small import declare, resource
from watermaster.flows import registry, registry_read
from watermaster.flows.lineage import Told
from watermaster.flows.open import create_project
from watermaster.flows.registry_import import import_registry, server_at
from watermaster.model.errors import UsageError
from watermaster.serve.registry_app import create_registry_app


@pytest.fixture
def other(tmp_path):
    """Another registry, served: two models, a number that was deleted, aliases and a stage."""
    project = create_project(tmp_path / "other")
    for name in ("scores", "it's"):
        registry.create_model(project, name, [("team", "fraud")], "about")
        for number in range(3):
            told = Told(source=f"s3://b/{name}/{number}")
            registry.create_version(project, registry.NewVersion(model=name, told=told))
        registry.delete_version(project, name, 2)
        registry.set_alias(project, name, "prod", 3)
        registry.set_alias(project, name, "old", 1)
    registry.move_version(project, "scores", 1, "Staging")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = create_registry_app(project)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        running = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        running.start()
        until(lambda: server.started, 30, "the other registry")
        yield server_at(f"http://127.0.0.1:{listening.getsockname()[1]}", None)
        server.should_exit = True
        running.join()


def test_models_versions_and_what_gates_allow_are_taken_over_once(tmp_path, other):
    project = registry_at(tmp_path / "home")
    declare(project, resource("Gate", "production", GATE | {"models": ["scores"]}))
    found = import_registry(project, other)
    assert (sorted(found.models), found.versions, found.there) == (["it's", "scores"], 4, [])
    assert [one.split(":")[0] for one in found.refused] == ["scores 3 as prod"]
    assert registry_read.get_aliased(project, "it's", "prod").version == 3
    assert registry_read.get_aliased(project, "scores", "old").stage == "Staging"
    held = registry_read.get_model(project, "scores")
    assert (held.tags, held.description) == ((("team", "fraud"),), "about")
    again = import_registry(project, other)
    assert (again.models, sorted(again.there)) == ([], ["it's", "scores"])
    told = Told(source="s3://b/x")
    made = registry.create_version(project, registry.NewVersion(model="scores", told=told))
    assert made.version == 4  # a number that was deleted there is not given again here


@pytest.mark.parametrize("address", ["mlflow", "ftp://h", "http://a:b@h", "http://"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(UsageError, match="is no address of a server"):
        server_at(address, None)
