from __future__ import annotations

import pytest

from localrank import InvalidRequestError, UnknownModelError
from localrank.evaluation.evaluate import named_models
from localrank.testing import LexicalReranker, MockReranker


def test_a_model_is_named_as_it_was_asked_for() -> None:
    mock = MockReranker()

    assert list(named_models(["lexical:default", mock])) == ["lexical:default", "testing:mock"]
    assert list(named_models("lexical:default")) == ["lexical:default"]
    assert named_models(mock) == {"testing:mock": mock}


def test_a_mapping_gives_names() -> None:
    first, second = LexicalReranker(), LexicalReranker()

    assert named_models({"a": first, "b": second}) == {"a": first, "b": second}


def test_no_model_two_of_one_name_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="no model to evaluate"):
        named_models([])
    with pytest.raises(InvalidRequestError, match="Two models are called 'testing:mock'"):
        named_models([MockReranker(), MockReranker()])
    with pytest.raises(UnknownModelError):
        named_models("nothing:at-all")
