"""Many frozen objects at once are what their class makes one by one."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from localrank.contract.frozen import thawed
from localrank.contract.model import ScoredIndex
from localrank.contract.types import RankedDocument

_PLACED = RankedDocument(3, 0.5, {"text": "a"}, "a", 1, truncated=True, metadata={"logit": 0.0}, tier=1)
_SCORED = ScoredIndex(3, 0.5, 1, truncated=True, metadata={"logit": 0.0})


@pytest.fixture(params=[_PLACED, _SCORED], ids=["RankedDocument", "ScoredIndex"])
def single(request: pytest.FixtureRequest) -> RankedDocument[dict[str, str]] | ScoredIndex:
    made: RankedDocument[dict[str, str]] | ScoredIndex = request.param
    return made


def _frozen(
    single: RankedDocument[dict[str, str]] | ScoredIndex,
) -> RankedDocument[dict[str, str]] | ScoredIndex:
    kind = type(single)
    values = [getattr(single, field.name) for field in fields(single)]
    found = thawed(kind)(*values)
    found.__class__ = kind
    made: RankedDocument[dict[str, str]] | ScoredIndex = found
    return made


def test_an_object_of_many_equals_one_made_by_its_class(
    single: RankedDocument[dict[str, str]] | ScoredIndex,
) -> None:
    found = _frozen(single)
    assert type(found) is type(single)
    assert found == single
    assert repr(found) == repr(single)


def test_an_object_of_many_cannot_be_changed(single: RankedDocument[dict[str, str]] | ScoredIndex) -> None:
    found = _frozen(single)
    with pytest.raises(FrozenInstanceError):
        found.score = 1.0  # type: ignore[misc]  # what is tested
    with pytest.raises(FrozenInstanceError):
        del found.index
    assert not hasattr(found, "__dict__")


def test_an_object_of_many_is_copied_pickled_and_replaced_as_any_other(
    single: RankedDocument[dict[str, str]] | ScoredIndex,
) -> None:
    found = _frozen(single)
    assert copy.deepcopy(found) == single
    assert pickle.loads(pickle.dumps(found)) == single
    assert replace(found, index=7) == replace(single, index=7)


def test_an_object_of_many_needs_every_field() -> None:
    with pytest.raises(TypeError):
        thawed(ScoredIndex)(3, 0.5)
