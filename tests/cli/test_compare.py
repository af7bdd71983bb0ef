from __future__ import annotations

import click
import pytest

from localrank.cli.compare import two_models
from tests.support.shell import localrank


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("mini, tiny", ("mini", "tiny")),
        ("onnx:a,cascade:(onnx:b>20>torch:c,top=3)", ("onnx:a", "cascade:(onnx:b>20>torch:c,top=3)")),
        ("cached:(a,size=5),cached:(a,size=6)", ("cached:(a,size=5)", "cached:(a,size=6)")),
    ],
)
def test_a_comma_parts_the_two_models_but_not_inside_brackets(text: str, names: tuple[str, str]) -> None:
    assert two_models(text) == names


@pytest.mark.parametrize("text", ["", "a", "a,", "a,a", "a,b,c", "cached:(a,size=5)"])
def test_anything_but_two_different_models_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="--compare takes two models"):
        two_models(text)


def test_a_name_that_is_no_model_is_told_by_the_option_that_has_it() -> None:
    done = localrank("rerank", "late", "--compare", "lexical:default,lexical", stdin=b"late\n")

    assert done.code == 2
    assert done.err.startswith("localrank: --compare names 'lexical', a provider without a model.")
