"""Every argument that sentence-transformers takes is taken here: compared with the installed version's own signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from localrank import InvalidRequestError
from localrank.compat.cross_encoder import CrossEncoder

pytest.importorskip("sentence_transformers")

from sentence_transformers import CrossEncoder as Theirs

INPUTS: dict[str, Any] = {
    "inputs": [("q", "d")],
    "query": "q",
    "documents": ["d"],
    "model_name_or_path": "localrank-mini",
}
REFUSED = {"convert_to_tensor": "localrank brings no torch"}
"""What is refused by name when it is asked for; what it is left out as is taken."""


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    found = inspect.signature(inspect.unwrap(function)).parameters
    return {
        name: one
        for name, one in found.items()
        if name != "self" and one.kind not in {one.VAR_KEYWORD, one.VAR_POSITIONAL}
    }


def given(function: Callable[..., Any]) -> dict[str, Any]:
    """Everything that a function takes by name: inputs, and what is left out as it is left out."""
    return {name: INPUTS.get(name, one.default) for name, one in parameters(function).items()}


@pytest.mark.parametrize("name", [*parameters(Theirs.__init__)])
def test_the_constructor_takes_it_as_it_is_left_out(name: str) -> None:
    everything = given(Theirs.__init__)
    assert CrossEncoder(**{"model_name_or_path": "localrank-mini", name: _ours(name, everything[name])})


def _ours(name: str, default: Any) -> Any:
    return "onnx" if name == "backend" else default


def test_predict_takes_all_of_it_as_it_is_left_out() -> None:
    everything = given(Theirs.predict)
    assert {"batch_size", "convert_to_numpy", "activation_fn"} <= everything.keys()
    assert len(CrossEncoder().predict(**everything)) == 1


def test_rank_takes_all_of_it_as_it_is_left_out() -> None:
    everything = given(Theirs.rank)
    assert {"top_k", "return_documents"} <= everything.keys()
    assert len(CrossEncoder().rank(**everything)) == 1


@pytest.mark.parametrize(("name", "said"), REFUSED.items())
def test_what_cannot_be_had_is_refused_by_name(name: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        CrossEncoder().predict([("q", "d")], **{name: True})


def test_what_stands_by_position_stands_at_the_same_places() -> None:
    positional = [
        name
        for name, one in parameters(Theirs.rank).items()
        if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    ours = [
        name for name, one in parameters(CrossEncoder.rank).items() if one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    assert ours == positional[: len(ours)]
