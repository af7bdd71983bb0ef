from __future__ import annotations

import sys

import pytest

from localrank.contract.errors import MissingDependencyError
from localrank.providers.extras import imported, require


def test_a_package_that_is_there_is_imported() -> None:
    assert imported("xml.dom", "This test", "dev").__name__ == "xml.dom"
    require("This test", "dev", "json", "xml")


def test_an_absent_package_is_named_with_what_needs_it_and_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(MissingDependencyError) as caught:
        imported("ir_measures", "Measuring", "eval")
    assert str(caught.value) == (
        "Measuring needs ir-measures: not installed here, or too old. "
        'Install it with: pip install "localrank[eval]"'
    )


def test_a_remark_stands_beside_the_command() -> None:
    with pytest.raises(
        MissingDependencyError, match=r'pip install "localrank\[train\]" \(first, something\)$'
    ):
        require("Training", "train", "no_such_one", remark="first, something")


def test_all_that_are_absent_are_named_at_once() -> None:
    with pytest.raises(MissingDependencyError, match="Training needs no_such_one and no_such_other"):
        require("Training", "train", "json", "no_such_one", "no_such_other")
