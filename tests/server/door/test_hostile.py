"""Whatever is sent, the answer is a ranking or a refusal in JSON: no 500, no traceback, no hang.

`python -m tests.interop.fuzz` sends many times as many to the server as a process of its own.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localrank.server import Limits, create_app
from localrank.testing import LexicalReranker
from tests.support.serving import Client, serving
from tests.support.wrong_requests import PATHS, bodies, check, pieces


@pytest.fixture(scope="module")
def hostile():
    app = create_app({"words": LexicalReranker()}, limits=Limits(max_body_bytes=200_000, timeout=10))
    with serving(app) as served:
        yield served
        assert app.admission.requests == app.admission.waiting_tokens == 0


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from(PATHS), content=bodies())
@pytest.mark.slow
def test_mutated_bodies_are_answered(hostile: Client, path: str, content: bytes) -> None:
    check(hostile, path, content)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from(PATHS), content=pieces())
@pytest.mark.slow
def test_mutated_bytes_are_answered(hostile: Client, path: str, content: bytes) -> None:
    check(hostile, path, content)
