"""The caller's documents as a tuple and their texts, a slice at a time where they are of one kind, as most lists are.

What is no list of documents is refused with one error that says what it is and how to pass it; `texts` looks at documents that
are not all alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from localrank.calling.texts import TextOf, text_tuple
from localrank.contract.errors import InvalidRequestError

__all__ = ["document_texts", "document_tuple", "is_table", "uniform_texts"]

SLICE_OF_TYPES, SLICE, SLICE_CALLED = 65_536, 1024, 16
"""Documents between two looks at `should_stop`; fewer where a function of the caller's is called for each."""

_TEXT = "text"
"""What is looked at first in a document, whatever its kind."""

_COLUMN_FORMS = (
    ("compute", '{0}["{1}"].compute().tolist()', '{0}.compute().to_dict("records")'),
    ("toPandas", '{0}.toPandas()["{1}"].tolist()', '{0}.toPandas().to_dict("records")'),
    ("collect", '{0}.collect()["{1}"].to_list()', "{0}.collect().to_dicts()"),
    ("to_dicts", '{0}["{1}"].to_list()', "{0}.to_dicts()"),
    ("to_pylist", '{0}["{1}"].to_pylist()', "{0}.to_pylist()"),
    ("to_pandas", '{0}.to_pandas()["{1}"].tolist()', '{0}.to_pandas().to_dict("records")'),
    ("to_dict", '{0}["{1}"].tolist()', '{0}.to_dict("records")'),
)
"""A method that tells a kind of table (dask, Spark, lazy Polars, Polars, Arrow, cuDF and xarray, pandas), how one of its
columns becomes a list, and how its rows become mappings. The first that fits counts."""

_TABLE_NAMES = (
    "DataFrame",
    "LazyFrame",
    "GeoDataFrame",
    "RecordBatch",
    "DataArray",
    "Dataset",
    "DataFrameGroupBy",
)
_COLUMNS = ("columns", "column_names")

_BEYOND_LENGTH = 1_000_000
"""Documents that are read beyond what a length says, since one may lie; more means that there is no end of them."""


def document_tuple(documents: Any, column: str = "text") -> tuple[Any, ...]:
    """Return the documents in a tuple of its own.

    Args:
        documents: What the caller passed.
        column: The column that a hint about a table names.

    Raises:
        InvalidRequestError: One text, a table, something without an order or that can be read only once, or what fails while
            it is read.
    """
    if type(documents) in {list, tuple}:
        return tuple(documents)
    _refuse_one_text(documents)
    _refuse_table(documents, column)
    _refuse_unordered(documents)
    try:
        most = len(documents) + _BEYOND_LENGTH
        read = tuple(islice(documents, most + 1))
    except Exception as error:
        raise InvalidRequestError(
            f"documents, of type {_type_name(documents)}, could not be read to the end: {type(error).__name__}.",
            hint="Pass a list that nothing else changes during the call.",
        ) from error
    if len(read) > most:
        raise InvalidRequestError(
            f"documents, of type {_type_name(documents)}, has a length of {len(documents)} and no end.",
            hint="Pass a list, and of what has no end a part: list(itertools.islice(documents, 1000)).",
        )
    return read


def document_texts(
    documents: tuple[Any, ...],
    text: TextOf | None,
    should_stop: Callable[[], bool],
    *,
    read_as_objects: bool,
    reads_images: bool = False,
) -> tuple[str, ...]:
    """Return the texts of all documents, or of those for which there was time; arguments and errors as for `text_tuple`."""

    def each(some: Sequence[Any]) -> tuple[str, ...]:
        return text_tuple(tuple(some), text, read_as_objects=read_as_objects, reads_images=reads_images)

    texts = uniform_texts(documents, text, each, should_stop)
    return each(documents) if texts is None else texts


def uniform_texts(
    documents: Sequence[Any],
    text: TextOf | None,
    each: Callable[[Sequence[Any]], tuple[str, ...]],
    should_stop: Callable[[], bool],
) -> tuple[str, ...] | None:
    """Return the texts of documents that are all of one type; None means that they are not.

    Args:
        documents: The caller's.
        text: How the text is found.
        each: Looks at each of some documents by itself, where there is not simply a plain string in each under one name.
        should_stop: Looked at between slices; True ends the reading, and the texts up to there are returned.

    Raises:
        InvalidRequestError: What `each` raises of the documents up to the one that has no text.
    """
    kind = _one_type(documents)
    is_name = isinstance(text, str) and bool(text.strip())
    if kind is None or not (text is None or is_name or callable(text)):
        return None
    if kind is str and text is None:
        return tuple(documents)
    texts: list[str] = []
    size = SLICE_CALLED if callable(text) else SLICE
    for start in range(0, len(documents), size):
        if start and should_stop():
            break
        part = documents[start : start + size]
        found = _found(part, kind, text)
        is_plain = found is not None and set(map(type, found)) == {str}
        texts += found if found is not None and is_plain else _each(documents, start, part, each)
    return tuple(texts)


def _one_type(documents: Sequence[Any]) -> type | None:
    kinds: set[type] = set()
    for start in range(0, len(documents), SLICE_OF_TYPES):
        kinds.update(map(type, documents[start : start + SLICE_OF_TYPES]))
    return kinds.pop() if len(kinds) == 1 else None


def _each(
    documents: Sequence[Any],
    start: int,
    part: Sequence[Any],
    each: Callable[[Sequence[Any]], tuple[str, ...]],
) -> Sequence[str]:
    try:
        return each(part)
    except InvalidRequestError:
        each(documents[: start + len(part)])  # again, so that the error names the document's own index
        raise


def _found(documents: Sequence[Any], kind: type, text: TextOf | None) -> list[Any] | None:
    """Return what stands under the first name in every document, where that is a quick look."""
    if callable(text):
        return _called(documents, text)
    if issubclass(kind, str):
        return None
    name = _TEXT if text is None else text
    try:
        if kind is dict:
            return [document[name] for document in documents]
        if issubclass(kind, Mapping):
            return None
        return [getattr(document, name) for document in documents]
    except Exception:  # `each` says what is wrong
        return None


def _called(documents: Sequence[Any], text: Callable[[Any], str]) -> list[Any] | None:
    try:
        return list(map(text, documents))
    except Exception:  # as above
        return None


def _refuse_one_text(documents: Any) -> None:
    if isinstance(documents, (str, bytes, bytearray, memoryview)):
        raise InvalidRequestError(
            f"documents is one {type(documents).__name__} of length {len(documents)}.",
            hint="Pass a list of documents, such as [text]; the order is (model, query, documents).",
        )


def _refuse_table(documents: Any, column: str) -> None:
    dimensions = _dimensions(documents)
    if not is_table(documents) and dimensions in {None, 1}:
        return
    name = "documents"
    kind = type(documents)
    for method, texts, rows in _COLUMN_FORMS:
        if hasattr(kind, method):
            raise InvalidRequestError(
                f"documents is a table ({_type_name(documents)}), and iterating over a table gives no documents.",
                hint=f"Pass one column, documents={texts.format(name, column)}, or rows with their other columns, "
                f'documents={rows.format(name)} with text="{column}".',
            )
    array = dimensions is not None and hasattr(kind, "shape")
    shape = f"an array of {dimensions} dimensions" if array else "a table"
    raise InvalidRequestError(
        f"documents is {shape} ({_type_name(documents)}).",
        hint="Pass a list of documents, such as one column: documents[:, 0].tolist().",
    )


def is_table(documents: Any) -> bool:
    """Whether the type looks like a table; only the type is asked, since a lazy table computes its attributes."""
    kind = type(documents)
    if isinstance(documents, (Mapping, list, tuple)) or any(map(_is_records, kind.__mro__)):
        return False
    named = any(base.__name__ in _TABLE_NAMES for base in kind.__mro__)
    shaped = hasattr(kind, "shape") or hasattr(kind, "schema") or hasattr(kind, "dtypes")
    return (named and hasattr(kind, "__getitem__") and shaped) or (
        shaped and any(hasattr(kind, member) for member in _COLUMNS)
    )


def _is_records(kind: type) -> bool:
    """Whether this is the row-wise data set of Hugging Face's `datasets`, whose items are mappings."""
    return kind.__module__.startswith("datasets.") and kind.__name__ == "Dataset"


def _dimensions(documents: Any) -> int | None:
    """Return how many dimensions an array has, or None where it is none."""
    found = getattr(type(documents), "ndim", None)
    if found is None:
        return None
    number = documents.ndim
    return number if isinstance(number, int) else None


def _refuse_unordered(documents: Any) -> None:
    of_arrow = hasattr(type(documents), "to_pylist")  # whose items are scalars of its own
    if isinstance(documents, (set, frozenset)) or of_arrow or not _can_be_read_again(documents):
        raise InvalidRequestError(
            f"documents is of type {_type_name(documents)}.", hint=_how_to_list(documents)
        )


def _can_be_read_again(documents: Any) -> bool:
    if isinstance(documents, (Mapping, Iterator)):
        return False
    kind = type(documents)
    return isinstance(documents, Collection) or (hasattr(kind, "__len__") and hasattr(kind, "__getitem__"))


def _how_to_list(documents: Any) -> str:
    if isinstance(documents, Mapping):
        return "Pass a list: [documents] for this one, list(documents.values()) for those it holds."
    if isinstance(documents, (set, frozenset)):
        return "Pass a list, such as sorted(documents): an answer names documents by their position."
    if hasattr(type(documents), "to_pylist"):
        return "Pass documents.to_pylist()."
    if hasattr(type(documents), "__aiter__"):
        return "Pass a list: [document async for document in documents]."
    if hasattr(type(documents), "__iter__"):
        return "Pass list(documents): an answer names documents by their position."
    return "Pass a list or another sequence: an answer names documents by their position."


def _type_name(value: object) -> str:
    return type(value).__name__
