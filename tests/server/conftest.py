"""A server with a reranker that counts words: deterministic, and quick to make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localrank.server import create_app
from localrank.testing import LexicalReranker
from tests.support.serving import Client, serving


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with serving(create_app({"words": LexicalReranker()})) as served:
        yield served
