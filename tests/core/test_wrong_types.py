"""Whatever is made or called with a value of a wrong type says which argument it is and of what type the value is."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pandas
import pytest

import localrank
import localrank_cohere
import localrank_transformers
from localrank import RerankError
from localrank import evaluation as ev
from localrank.compose.single.calibration import Calibration
from localrank.providers.annotations import check_types
from localrank.testing.doubles import LexicalReranker
from tests.support.small_collection import JUDGEMENTS, small_collection

Given = Mapping[str, Any]

CALIBRATION = Calibration(
    "temperature", "", bounded=False, slope=1.0, bias=0.0, points=(), curve=(), pairs=20
)

WRONG: tuple[object, ...] = ("x", 1.5, None, [1], {"a": 1}, object(), b"x", True)

FITS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "None": (type(None),),
    "Path": (str, Path),
    "os.PathLike[str]": (Path,),
    "Collection": (ev.Collection,),
    "Calibration": (Calibration,),
    "Evaluation": (ev.Evaluation,),
    "SystemResult": (ev.SystemResult,),
    "BestScores": (ev.BestScores,),
}
"""What an annotation allows; an argument with any other name in its annotation may only not fail in another way."""


def targets() -> Iterator[tuple[Callable[..., Any], Given]]:
    model = LexicalReranker()
    for made in (localrank.Cached, localrank.Chunked, localrank.Diversified):
        yield made, {"model": model}
    yield localrank.Batched, {"model": model, "max_documents": 3}
    yield localrank.Calibrated, {"model": model, "calibration": CALIBRATION}
    yield localrank.Limited, {"model": model, "rate": 1.0}
    yield localrank.When, {"model": model, "min_documents": 2}
    yield localrank.Cascade, {"first": model, "second": LexicalReranker()}
    yield localrank.Fallback, {"first": model}
    yield localrank.Fused, {"models": [model, LexicalReranker()]}
    yield localrank.Retrieved, {}
    yield localrank.MemoryStore, {}
    yield localrank.SQLiteStore, {"path": "scores.db"}
    yield localrank.RetryPolicy, {}
    asked = {"model": model, "query": "q", "documents": ["a", "b"]}
    yield localrank.rerank_sync, asked
    yield localrank.rerank_many_sync, {"model": model, "queries_and_documents": [("q", ["a", "b"])]}
    table = pandas.DataFrame({"text": ["a", "b"]})
    yield waited(localrank.rerank_frame), {"model": model, "query": "q", "table": table}
    yield localrank_transformers.OnnxReranker, {}
    yield localrank_transformers.DocumentStore, {"path": "vectors"}
    yield localrank_transformers.Listwise, {}
    for name in localrank_cohere.__all__:
        made = getattr(localrank_cohere, name)
        wanted = inspect.signature(made).parameters
        given = {
            "model": "m",
            "api_key": "k",
            "base_url": "http://127.0.0.1:1",
            "account_id": "a",
            "project": "p",
        }
        yield made, {key: value for key, value in given.items() if key in wanted}
    collection = small_collection()
    yield ev.sampled, {"collection": collection, "count": 2}
    yield ev.first_stage_of, {"collection": collection, "first_stage": "corpus"}
    yield ev.evaluate_sync, {"models": model, "collection": collection, "first_stage": "corpus", "queries": 1}
    yield ev.load_beir, {"path": "folder"}
    yield ev.load_jsonl, {"path": "file"}
    yield ev.load_trec, {"queries": "a", "documents": "b", "qrels": "c"}
    yield ev.read_qrels, {"path": "file"}
    yield ev.read_run, {"path": "file"}
    yield ev.load_evaluation, {"path": "file"}
    yield ev.write_qrels, {"path": "qrels.txt", "judgements": JUDGEMENTS}
    yield ev.write_run, {"path": "a.run", "rankings": {}, "tag": "t"}
    found = ev.evaluate_sync(model, collection, first_stage="judged")
    yield ev.best_scores, {"evaluation": found, "system": found.models[0]}
    yield ev.answer_figures, {"system": "s", "scores": ev.BestScores((1.0,) * 20, (0.0,) * 20)}
    yield ev.compare_evaluations, {"first": found, "second": found}
    yield ev.compared, {"systems": found.systems, "measure": "AP"}
    yield ev.save_evaluation, {"evaluation": found, "path": "results.json"}
    yield ev.write_reports, {"evaluation": found, "folder": "out"}


def waited(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(**given: Any) -> Any:
        return anyio.run(partial(function, **given))

    return call


def cases() -> Iterator[Any]:
    for made, given in targets():
        for name, parameter in inspect.signature(made).parameters.items():
            if parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
                types = allowed(str(parameter.annotation))
                yield pytest.param(partial(made, **given), name, types, id=f"{made.__name__}-{name}")


def allowed(annotation: str) -> tuple[type, ...] | None:
    """The types that an annotation of plain names allows; None where there is another name in it."""
    parts = [part.strip() for part in annotation.split(" | ")]
    return (
        None
        if any(part not in FITS for part in parts)
        else tuple(one for part in parts for one in FITS[part])
    )


def fits(value: object, types: tuple[type, ...]) -> bool:
    return (bool in types) if isinstance(value, bool) else isinstance(value, types)


@pytest.mark.parametrize(("made", "name", "types"), list(cases()))
def test_a_value_of_a_wrong_type_is_named(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    made: Callable[..., Any],
    name: str,
    types: tuple[type, ...] | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    for value in WRONG:
        if types is None:  # a list or mapping may be right here, and what stands in it is not looked at
            if isinstance(value, list | dict):
                continue
            with contextlib.suppress(RerankError):
                made(**{name: value})
        elif not fits(value, types):
            with pytest.raises(RerankError) as caught:
                made(**{name: value})
            assert name in caught.value.message
            assert type(value).__name__ in str(caught.value) or repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: localrank.Fused([LexicalReranker(), LexicalReranker()], weights=[1, "x"]),
            r"weights\[1\] is of type str",
        ),
        (lambda: localrank.Retrieved([1, None]), r"scores\[1\] is of type NoneType"),
    ],
)
def test_a_number_in_a_list_that_is_none_is_named(make: Callable[[], object], said: str) -> None:
    with pytest.raises(RerankError, match=said):
        make()


@pytest.mark.parametrize("value", [True, np.True_])
def test_a_boolean_of_numpy_is_one(value: Any) -> None:
    check_types({"fresh": value}, takes_a_flag)


@pytest.mark.parametrize("value", [1, "yes", None, np.array(True)])
def test_what_is_no_boolean_is_refused(value: Any) -> None:
    with pytest.raises(localrank.InvalidRequestError, match=r"fresh is .+ Pass True or False"):
        check_types({"fresh": value}, takes_a_flag)


def takes_a_flag(*, fresh: bool) -> None: ...
