from __future__ import annotations

import pytest

from localrank import InvalidRequestError
from localrank_transformers.models.catalogue.entries import CatalogueEntry, Quality
from localrank_transformers.models.catalogue.selection import (
    COMMON_BENCHMARK,
    SortBy,
    parse_size,
    reader_of,
    select,
    size_mb,
)


def entry(name: str, **fields: object) -> CatalogueEntry:
    return CatalogueEntry(name=name, family="cross-encoder", architecture="BERT", **fields)  # type: ignore[arg-type]


GERMAN = entry("german", languages=("de",), size_mb={"fp32": 90.0, "int8": 30.0}, commercial=True)
MANY = entry("many", languages=("multilingual",), parameters=100_000_000, commercial=False)
ENGLISH = entry("english", languages=("en",), quality=(Quality(*COMMON_BENCHMARK, 0.5, "somewhere"),))
ALL = (MANY, GERMAN, ENGLISH)


def test_a_multilingual_model_meets_any_language() -> None:
    assert select(ALL, language="DE") == [MANY, GERMAN]


def test_the_smallest_weights_decide_and_unknown_sizes_do_not_meet_a_limit() -> None:
    assert select(ALL, max_mb=50) == [GERMAN]
    assert select(ALL, max_mb=400) == [MANY, GERMAN]


def test_only_clear_licences_are_commercial() -> None:
    assert select(ALL, commercial=True) == [GERMAN]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("catalogue", ["many", "german", "english"]),
        ("name", ["english", "german", "many"]),
        ("size", ["german", "many", "english"]),
        ("quality", ["english", "many", "german"]),
    ],
)
def test_the_order_is_as_asked_and_unknowns_come_last(sort: SortBy, names: list[str]) -> None:
    assert [one.name for one in select(ALL, sort=sort)] == names


def test_a_precision_that_cannot_be_fetched_does_not_count() -> None:
    model = entry("m", size_mb={"fp32": 90.0, "q4": 20.0}, onnx_files={"fp32": "onnx/model.onnx"})

    assert size_mb(model) == 90.0


def test_a_size_without_files_is_that_of_float32_weights() -> None:
    assert size_mb(MANY) == 400.0
    assert size_mb(ENGLISH) is None


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [("300MB", 300.0), ("1.5 GB", 1500.0), ("300", 300.0), ("512k", 0.512), ("2GiB", 2000.0)],
)
def test_sizes_are_read_as_people_write_them(text: str, megabytes: float) -> None:
    assert parse_size(text) == megabytes


@pytest.mark.parametrize("text", ["huge", "", "-3MB", "3 TBs"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_size(text)


def test_the_reader_of_a_language_is_the_smallest_that_names_it() -> None:
    small = entry("small", languages=("de", "en"), parameters=1_000, commercial=True, engines=("onnx",))
    large = entry("large", languages=("de",), parameters=2_000, commercial=True, engines=("onnx",))
    many = entry("any", languages=("multilingual",), parameters=10, commercial=True, engines=("torch",))
    closed = entry("closed", languages=("de",), parameters=1, engines=("onnx",))
    absent = entry("absent", languages=("de",), parameters=1, commercial=True)
    known = (large, many, closed, absent, small)

    assert reader_of(known, ("de",)) == small
    assert reader_of(known, ("th", "lo")) == many
    assert reader_of((closed, absent), ("de",)) is None
