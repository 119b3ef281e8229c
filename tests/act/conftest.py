"""An AWS to change: moto's server behind a door, and a profile that may write."""

import functools
import urllib.request
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.doors import Door, door_to

REGION, OTHER = "eu-west-3", "eu-north-1"


@pytest.fixture(scope="module")
def moto(tmp_path_factory) -> Iterator[Door]:
    """moto's server, emptied when the module ends."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    config = tmp_path_factory.mktemp("aws") / "config"
    config.write_text(
        "[profile writer]\naws_access_key_id = test\naws_secret_access_key = test\n"
        "[profile reader]\naws_access_key_id = test\naws_secret_access_key = test\n"
    )
    patch = pytest.MonkeyPatch()
    with door_to(address) as door:
        patch.setenv("AWS_ENDPOINT_URL", door.address)
        patch.setenv("AWS_CONFIG_FILE", str(config))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        yield door
    patch.undo()
    urllib.request.urlopen(f"{address}/moto-api/reset", data=b"", timeout=10).close()
    server.stop()


@pytest.fixture(scope="module")
def client(moto) -> Callable[..., Any]:
    """Of a service in a region, as a person would change it by hand."""
    from botocore.session import Session

    session = Session(profile="writer")

    @functools.cache
    def made(service, region=REGION):
        return session.create_client(service, region_name=region)

    return made


@pytest.fixture
def aws(moto, client) -> Iterator[SimpleNamespace]:
    """Clients by service, and the door; it is open again afterwards."""
    moto.asked.clear()
    yield SimpleNamespace(client=client, door=moto)
    moto.rule = None
