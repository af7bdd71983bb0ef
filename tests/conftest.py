"""What every test shares: both async backends, no way to reach a model hub, and no library that reports home."""

from __future__ import annotations

import os

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ["LANGSMITH_TRACING"] = "false"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The async library that a test marked `anyio` runs on."""
    return str(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests marked `slow` last, so that a quick failure shows first."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
