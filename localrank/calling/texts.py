"""The text of each document: by its type, or by what `text=` says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from numbers import Number
from typing import Any

from localrank.calling.paths import ABSENT, reach, value_at
from localrank.contract.errors import InvalidRequestError
from localrank.contract.texts import plain, shortened
from localrank.providers.images import image_of

__all__ = ["TEXT_NAMES", "TextOf", "text_tuple"]

TextOf = Callable[[Any], str] | str
"""How the text of a document is found: a function, the name of a mapping's key or an object's attribute, or a path of such
names (`payload.text`)."""

TEXT_NAMES = ("text", "page_content", "content")
"""Keys of a mapping, and attributes of an object, in the order in which they are looked at."""

_IMAGE_HINT = "Take a model that reads images, or pass text= with the key of a caption; the guide on remote models names them."
_PAIR_HINT = (
    "Pass the documents alone: the query is an argument of its own. "
    "CrossEncoder.predict of localrank.compat takes pairs."
)
_NAME_HINT = "Pass text= with the key, attribute or function that gives the text."
_MISSING_TYPES = ("NAType", "NaTType")
_SCALARS = (type(None), Number, bytes, bytearray, memoryview)
_SHOWN_KEYS = 8
_SHOWN_KEY_CHARACTERS = 30


def text_tuple(
    documents: tuple[Any, ...], text: TextOf | None, *, read_as_objects: bool, reads_images: bool = False
) -> tuple[str, ...]:
    """Return the text of each document.

    Args:
        documents: The caller's.
        text: How the text is found; None means by `TEXT_NAMES`.
        read_as_objects: Whether the model reads the documents themselves, so that one without text will do. The text of a
            mapping is then its values, a line each; of anything else it is empty.
        reads_images: Whether the model reads images, so that a document with an image needs no text.

    Raises:
        InvalidRequestError: A document without text, or a text that cannot be had; names its index and what is there.
    """
    if isinstance(text, str) and not text.strip():
        raise _refused(f"text is {text!r}.", "Pass the key or attribute that holds the text, or a function.")
    if text is not None and not isinstance(text, str) and not callable(text):
        raise _refused(f"text is {shortened(repr(text))}.", "Pass a key, an attribute name or a function.")
    kinds = set(map(type, documents))
    if text is None and kinds == {str}:
        return documents
    if not callable(text):
        _refuse_what_holds_none(documents, kinds, read_as_objects=read_as_objects)
        if not read_as_objects:
            _refuse_mixed(documents, kinds)
    find = _Finder(
        text,
        read_as_objects,
        reads_images,
        function=text if callable(text) else None,
        names=TEXT_NAMES if text is None else (str(text),),
        objects=frozenset(kind for kind in kinds if _family(kind) == "object"),
    )
    return tuple(find(document, index) for index, document in enumerate(documents))


def _refuse_what_holds_none(
    documents: tuple[Any, ...], kinds: Collection[type], *, read_as_objects: bool
) -> None:
    """Refuse what is neither a text nor has one: a missing value, a number, bytes."""
    scalars = {kind for kind in kinds if issubclass(kind, _SCALARS) or kind.__name__ in _MISSING_TYPES}
    if not scalars:
        return
    for index, document in enumerate(documents):
        if type(document) not in scalars:
            continue
        if _is_missing(document):
            raise _refused(f"documents[{index}] is {document!r}, which has no text.", "Leave it out.")
        if not read_as_objects:
            raise _scalar(document, index)


def _scalar(document: Any, index: int) -> InvalidRequestError:
    kind = type(document).__name__
    if isinstance(document, Number):
        return _refused(
            f"documents[{index}] is the number {shortened(repr(document))} (type {kind}), which is no text.",
            "Pass text= with a function, such as text=str, to rank it by how it is written.",
        )
    return _refused(
        f"documents[{index}] is {kind} of length {len(document)}, which is no text.",
        'Decode it, for one with .decode("utf-8").',
    )


def _is_missing(value: object) -> bool:
    """Whether `value` stands for nothing: None, a NaN, or the marks of pandas."""
    if value is None or type(value).__name__ in _MISSING_TYPES:
        return True
    return isinstance(value, Number) and not isinstance(value, int) and str(value).lower() == "nan"


def _refuse_mixed(documents: tuple[Any, ...], kinds: Collection[type]) -> None:
    families = {kind: _family(kind) for kind in kinds}
    if len(set(families.values())) < 2:
        return
    first = documents[0]
    family = families[type(first)]
    index = next(index for index, one in enumerate(documents) if families[type(one)] != family)
    raise _refused(
        f"documents mixes kinds: documents[0] is {_said(first)}, documents[{index}] is {_said(documents[index])}.",
        "Pass one kind, or text= with a function that returns the text of each.",
    )


def _family(kind: type) -> str:
    if issubclass(kind, str):
        return "string"
    return "mapping" if issubclass(kind, Mapping) else "object"


def _said(document: object) -> str:
    family = _family(type(document))
    return f"a {family}" if family != "object" else f"an object of type {type(document).__name__}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Finder:
    """Finds the text of one document after the other."""

    text: TextOf | None
    read_as_objects: bool
    reads_images: bool
    function: Callable[[Any], str] | None
    names: tuple[str, ...]
    objects: frozenset[type]

    def __call__(self, document: Any, index: int) -> str:
        if isinstance(document, str) and self.function is None:
            if self.text is None or self.read_as_objects:
                return plain(document)
            raise _refused(
                f"text is {self.text!r}.", "The documents are strings and have no keys: leave text out."
            )
        try:
            found = self._at_once(document) if self.function is None else self.function(document)
            if type(found) is str:
                return found
            if self.function is None:
                found = self._looked_up(document, index)
        except InvalidRequestError:
            raise
        except Exception as error:
            raise InvalidRequestError(
                f"The text of documents[{index}] (type {type(document).__name__}) could not be read: {_named(error)}.",
                hint="The document's own error is this one's cause.",
            ) from error
        if not isinstance(found, str):
            raise _refused(f"The text of documents[{index}] is {_what(found)}, not a string.", _NAME_HINT)
        return plain(found)

    def _at_once(self, document: Any) -> Any:
        """Return what stands under the first name, as nearly all have their text, so that nothing more need be looked at."""
        kind = type(document)
        if kind is dict:
            return document.get(self.names[0])
        return getattr(document, self.names[0], None) if kind in self.objects else None

    def _looked_up(self, document: Any, index: int) -> Any:
        values = _values(document, self.names)
        there = [(name, value) for name, value in values if not _is_missing(value)]
        if there:
            return there[0][1]
        if self.read_as_objects:
            return _written(document)
        if image_of(document) is not None:
            if self.reads_images:
                return ""
            raise _refused(
                f"documents[{index}] holds an image and no text, and the model reads texts.", _IMAGE_HINT
            )
        if (
            self.text is None
            and type(document) in {list, tuple}
            and [type(part) for part in document] == [str, str]
        ):
            raise _refused(f"documents[{index}] is a pair of texts.", _PAIR_HINT)
        raise _refused(f"documents[{index}] {_lack(document, self.names, dict(values))}.", _NAME_HINT)


def _values(document: Any, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    at = [(name, value_at(document, name)) for name in names]
    found = [(name, value) for name, value in at if value is not ABSENT]
    if isinstance(document, Mapping):
        return found
    plain = [(name, value) for name, value in found if isinstance(value, str) or not callable(value)]
    return plain or found


def _lack(document: Any, names: tuple[str, ...], values: Mapping[str, Any]) -> str:
    has, wanted = _held(document), " or ".join(map(repr, names))
    if not values:
        gone, _ = reach(document, names[0])
        if not gone:
            return f"({has}) has no text under {wanted}"
        _, there = reach(document, gone)
        return f"has {gone!r} ({_held(there)}), but nothing there under {names[0][len(gone) + 1 :]!r}"
    held = ", ".join(f"{name!r} is {value!r}" for name, value in values.items())
    return f"({has}) has no text: {held}"


def _held(value: Any) -> str:
    if not isinstance(value, Mapping):
        return f"type {type(value).__name__}"
    keys = ", ".join(sorted(shortened(repr(key), _SHOWN_KEY_CHARACTERS) for key in value)[:_SHOWN_KEYS])
    return f"keys {keys}" if keys else "an empty mapping"


def _written(document: Any) -> str:
    if not isinstance(document, Mapping):
        return ""
    return "\n".join(str(value) for value in document.values() if not _is_missing(value))


def _named(error: Exception) -> str:
    """Return an error's kind, and the attribute that was missing; its message may hold a document's text."""
    name = getattr(error, "name", None) if isinstance(error, AttributeError) else None
    known = isinstance(name, str) and name.isidentifier()
    return f"{type(error).__name__}, {shortened(repr(name), 60)}" if known else type(error).__name__


def _what(value: object) -> str:
    return repr(value) if _is_missing(value) else f"of type {type(value).__name__}"


def _refused(message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(message, hint=hint)
