"""What tests on Ray share: one local cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

CORES = 3
"""What Ray shares out; the machine may have fewer."""

STORE_BYTES = 100_000_000


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Ray, started here and ended with the session, or the cluster of `RAY_ADDRESS`; nothing reports its use."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    started = {
        "address": "local",
        "num_cpus": CORES,
        "object_store_memory": STORE_BYTES,
        "include_dashboard": False,
    }
    ray.init(logging_level="ERROR", **({} if "RAY_ADDRESS" in os.environ else started))
    yield ray
    ray.shutdown()
