"""What may be passed as `documents`, and what is said of everything else."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from localrank import InvalidRequestError
from localrank.calling.documents import document_tuple

TEXTS = ["Pandas eat bamboo.", "Paris is in France."]


class Frame:
    """A table by its members, as every library of data frames has them."""

    columns = ("id", "text")
    shape = (2, 2)

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> list[str]:
        return TEXTS


class PandasLike(Frame):
    def to_dict(self, orient: str) -> list[dict[str, str]]:
        raise NotImplementedError(orient)


class PolarsLike(PandasLike):
    def to_dicts(self) -> list[dict[str, str]]:
        raise NotImplementedError


class DaskLike(PandasLike):
    def compute(self) -> PandasLike:
        raise NotImplementedError


class ArrowLike(Frame):
    def to_pylist(self) -> list[dict[str, str]]:
        raise NotImplementedError


class Lazy:
    """A table whose columns are computed when they are asked for."""

    schema: dict[str, str] = {}  # noqa: RUF012  # only its presence counts

    @property
    def columns(self) -> list[str]:
        raise AssertionError("columns of a lazy table were computed")

    def collect(self) -> PolarsLike:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("table", "texts", "rows"),
    [
        (PandasLike(), 'documents["text"].tolist()', 'documents.to_dict("records")'),
        (PolarsLike(), 'documents["text"].to_list()', "documents.to_dicts()"),
        (DaskLike(), 'documents["text"].compute().tolist()', 'documents.compute().to_dict("records")'),
        (ArrowLike(), 'documents["text"].to_pylist()', "documents.to_pylist()"),
        (Lazy(), 'documents.collect()["text"].to_list()', "documents.collect().to_dicts()"),
    ],
)
def test_a_table_is_refused_with_the_way_to_its_texts_and_rows(table: Any, texts: str, rows: str) -> None:
    with pytest.raises(InvalidRequestError, match="documents is a table") as caught:
        document_tuple(table)

    assert type(table).__name__ in str(caught.value)
    assert f"documents={texts}" in str(caught.value)
    assert f"documents={rows}" in str(caught.value)


def test_the_hint_names_the_column_that_was_asked_for() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        document_tuple(PandasLike(), "body")

    assert 'documents["body"].tolist()' in str(caught.value)
    assert 'text="body"' in str(caught.value)


def test_a_table_of_pandas_is_refused_and_its_columns_are_read() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"id": [1, 2], "text": TEXTS})

    with pytest.raises(InvalidRequestError, match=r'documents\["text"\]\.tolist\(\)'):
        document_tuple(table)

    assert document_tuple(table["text"].tolist()) == tuple(TEXTS)
    assert [row["text"] for row in document_tuple(table.to_dict("records"))] == TEXTS
    assert document_tuple(pandas.Series(TEXTS, index=[7, 3])) == tuple(TEXTS)
    assert document_tuple(pandas.Index(TEXTS)) == tuple(TEXTS)


def test_tables_and_arrays_of_arrow_are_refused_with_their_own_way_out() -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"text": TEXTS})

    for given in (table, table["text"], table["text"].chunk(0), table.to_batches()[0]):
        with pytest.raises(InvalidRequestError, match=r"to_pylist\(\)"):
            document_tuple(given)

    assert document_tuple(table["text"].to_pylist()) == tuple(TEXTS)


def test_tables_of_polars_are_refused_with_their_own_way_out() -> None:
    polars = pytest.importorskip("polars")
    table = polars.DataFrame({"text": TEXTS})

    with pytest.raises(InvalidRequestError, match=r"documents\.to_dicts\(\)"):
        document_tuple(table)
    with pytest.raises(InvalidRequestError, match=r"documents\.collect\(\)\.to_dicts\(\)"):
        document_tuple(table.lazy())

    assert document_tuple(table["text"]) == tuple(TEXTS)


@pytest.mark.parametrize(
    ("array", "said"),
    [(np.array([TEXTS]), "an array of 2 dimensions"), (np.array("text"), "an array of 0 dimensions")],
)
def test_an_array_has_one_dimension(array: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        document_tuple(array)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"a": "text"}, r"\[documents\] for this one, list\(documents\.values\(\)\)"),
        ({"text"}, r"sorted\(documents\)"),
        (iter(TEXTS), r"list\(documents\)"),
        (map(str, TEXTS), r"list\(documents\)"),
        ((text for text in TEXTS), r"list\(documents\)"),
        (memoryview(b"text"), r"one memoryview of length 4"),
        (object(), "Pass a list or another sequence"),
    ],
)
def test_what_is_no_list_is_refused_with_the_way_to_make_one(given: Any, hint: str) -> None:
    with pytest.raises(InvalidRequestError, match=hint):
        document_tuple(given)


async def _later() -> Any:
    yield "text"


def test_an_asynchronous_generator_is_refused_with_the_way_to_read_it() -> None:
    with pytest.raises(InvalidRequestError, match="async for document in documents"):
        document_tuple(_later())


class ByPosition:
    """A sequence of the old kind: a length and items by number, no `__iter__`."""

    def __len__(self) -> int:
        return len(TEXTS)

    def __getitem__(self, index: int) -> str:
        return TEXTS[index]


@pytest.mark.parametrize("given", [ByPosition(), deque(TEXTS), dict.fromkeys(TEXTS).keys(), np.array(TEXTS)])
def test_every_kind_of_sequence_is_read_in_its_order(given: Any) -> None:
    assert list(document_tuple(given)) == TEXTS


class Claims(Sequence[str]):
    """A sequence with a length of its own choice."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        return TEXTS[index]


@pytest.mark.parametrize("length", [0, 1, 10**15])
def test_a_length_that_lies_changes_nothing(length: int) -> None:
    assert document_tuple(Claims(length)) == tuple(TEXTS)


class Endless(Claims):
    """One that gives items as long as it is asked."""

    def __getitem__(self, index: Any) -> Any:
        return TEXTS[0]


def test_documents_without_an_end_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="of type Endless, has a length of 3 and no end"):
        document_tuple(Endless(3))


class Breaks(Claims):
    def __getitem__(self, index: int) -> str:
        if index == 1:
            raise OSError("the disk is gone")
        return TEXTS[index]


def test_a_sequence_that_fails_while_it_is_read_is_named_with_its_cause() -> None:
    with pytest.raises(
        InvalidRequestError, match="of type Breaks, could not be read to the end: OSError"
    ) as caught:
        document_tuple(Breaks(2))

    assert isinstance(caught.value.__cause__, OSError)


def test_a_sequence_that_changes_while_it_is_read_is_an_error() -> None:
    class Growing(deque[str]):
        def __iter__(self) -> Iterator[str]:
            for text in super().__iter__():
                self.append("more")
                yield text

    with pytest.raises(InvalidRequestError, match="nothing else changes"):
        document_tuple(Growing(TEXTS))


def test_what_the_caller_does_to_the_list_afterwards_changes_nothing() -> None:
    given = list(TEXTS)

    taken = document_tuple(given)
    given.clear()

    assert taken == tuple(TEXTS)
