"""What `localrank` offers is one list, told three times: bound lazily, seen by type checkers, named in `__all__`."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

import pytest

import localrank
import localrank.testing

DOCUMENTED = {
    "rerank",
    "rerank_sync",
    "rerank_many",
    "RerankerModel",
    "SyncRerankerModel",
    "DoRerankOptions",
    "DoRerankResult",
    "ScoredIndex",
    "RerankResult",
    "RankedDocument",
    "RerankUsage",
    "RerankWarning",
    "RerankResponse",
    "RetryPolicy",
    "AbortToken",
    "RerankError",
    "InvalidDataError",
    "InvalidRequestError",
    "UnknownModelError",
    "MissingDependencyError",
    "MissingAPIKeyError",
    "ModelLoadError",
    "InferenceError",
    "APICallError",
    "AuthenticationError",
    "RateLimitError",
    "ServerError",
    "ConnectionFailedError",
    "InvalidResponseError",
    "RetryError",
    "RerankTimeoutError",
    "RerankAbortedError",
}


def imports_for_type_checkers() -> dict[str, str]:
    tree = ast.parse(Path(localrank.__file__).read_text("utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name: node.module or ""
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_documented_names_are_offered() -> None:
    assert set() == DOCUMENTED - set(localrank.__all__)


def test_type_checkers_see_the_names_where_they_are_bound_from() -> None:
    assert imports_for_type_checkers() == localrank._HOME_OF


def test_all_lists_what_is_bound_and_nothing_else() -> None:
    assert sorted([*localrank._HOME_OF, "__version__"]) == sorted(localrank.__all__)
    assert dir(localrank) == sorted(localrank.__all__)


@pytest.mark.parametrize("name", localrank.__all__)
def test_every_name_can_be_imported(name: str) -> None:
    value: Any = getattr(localrank, name)

    home = localrank._HOME_OF.get(name)
    assert home is None or value is getattr(importlib.import_module(home), name)


@pytest.mark.parametrize("name", localrank.testing.__all__)
def test_every_name_of_the_testing_room_can_be_imported(name: str) -> None:
    value: Any = getattr(localrank.testing, name)

    assert name in {getattr(value, "__name__", None), "CONFORMANCE_CHECKS"}


@pytest.mark.parametrize("module", [localrank, localrank.testing])
def test_an_unknown_name_is_an_attribute_error(module: Any) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = module.no_such_name


def modules() -> list[str]:
    root = Path(localrank.__file__).parent
    return [
        ".".join(["localrank", *path.relative_to(root).with_suffix("").parts])
        for room in ("contract", "calling", "providers", "compose", "testing", "compat")
        for path in sorted((root / room).rglob("*.py"))
        if path.name != "__init__.py"
    ]


@pytest.mark.parametrize("module", modules())
def test_a_module_has_the_names_that_it_lists(module: str) -> None:
    loaded = importlib.import_module(module)

    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []
