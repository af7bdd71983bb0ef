"""The vendors' own clients rank with our server, read every score, and show our message when it refuses."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Iterator
from dataclasses import replace

import pytest

from localrank.server import create_app
from localrank.testing import LexicalReranker
from tests.support.serving import serving
from tests.support.vendor_calls import SERVED_CASES, Case

pytestmark = pytest.mark.filterwarnings("ignore")  # the clients' own
each_case = pytest.mark.parametrize("case", SERVED_CASES, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def installed(case: Case) -> Iterator[None]:
    if importlib.util.find_spec(case.client) is None:
        pytest.skip(f"{case.client} is not installed; pip install -e '.[dev,interop]'")
    yield
    gc.collect()  # some clients close their sockets when they are collected only, and say so


@each_case
def test_the_client_reads_the_ranking(case: Case) -> None:
    with serving(create_app({case.model: LexicalReranker()})) as client:
        results = case.theirs(client.url, case)

    assert results[0][0] == 0
    assert len(results) == (case.top_k or len(case.documents))
    assert all(0 <= score <= 1 for _, score in results)
    assert [score for _, score in results] == sorted((score for _, score in results), reverse=True)


@each_case
def test_the_client_shows_why_it_was_refused(case: Case) -> None:
    with (
        serving(create_app({"a-modal": LexicalReranker()})) as client,
        pytest.raises(Exception, match="no model 'a-model'") as raised,
    ):
        case.theirs(client.url, replace(case, model="a-model"))

    assert not isinstance(raised.value, AssertionError)
