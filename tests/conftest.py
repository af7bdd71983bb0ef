"""What every test shares: both async backends, no way to reach a model hub, and no library that reports home."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ["LANGSMITH_TRACING"] = "false"

with suppress(ImportError):  # environments for one kind of tests are without it
    from hypothesis import settings

    settings.register_profile("localrank", deadline=None)  # how long an example takes is the machine's
    settings.load_profile("localrank")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell's background job ignores Ctrl-C, and so would the commands that tests interrupt
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def graph_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Graphs that are made in a test stay in a temporary folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALRANK_CACHE", str(tmp_path_factory.mktemp("localrank-cache")))
        yield


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The async library that a test marked `anyio` runs on."""
    return str(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests marked `slow` last, so that a quick failure shows first."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
