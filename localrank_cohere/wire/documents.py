"""What is sent of each document: its text, or the whole object where the caller asked for fields; blanks stay at home. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import DoRerankOptions
from localrank.contract.texts import is_blank
from localrank.providers.images import image_address, image_of
from localrank_cohere.dialects.table import Dialect
from localrank_cohere.wire.yaml_text import to_yaml

__all__ = ["Sendable", "sendable"]


@dataclass(frozen=True, slots=True)
class Sendable:
    """The documents of one call, sorted out.

    Attributes:
        documents: What is sent: texts, or objects where the dialect takes them.
        places: The index of each in the caller's list; None where nothing was held back.
        blanks: Indexes of documents without text, which make services refuse the whole request.
        object_fields: Keys of the objects, where objects are sent.
    """

    documents: tuple[Any, ...]
    places: tuple[int, ...] | None
    blanks: tuple[int, ...]
    object_fields: tuple[str, ...] | None = None


def sendable(
    dialect: Dialect, options: DoRerankOptions, fields: tuple[str, ...] | None, *, sees: bool = False
) -> Sendable:
    """Return what of `options` is sent.

    Args:
        dialect: Says whether it takes objects; else they are written as YAML with key order kept.
        options: The call.
        fields: Keys of an object that are sent; () for all; None sends texts only.
        sees: The model reads images, which are sent beside the text.

    Raises:
        InvalidRequestError: Fields are wanted of a document that has none, or an image cannot be sent.
    """
    images = _images(options) if sees else {}
    blanks = tuple(
        index for index, text in enumerate(options.documents) if is_blank(text) and index not in images
    )
    held_back = frozenset(blanks)
    places = tuple(i for i in range(len(options.documents)) if i not in held_back) if blanks else None
    chosen: tuple[Any, ...] = options.documents
    keys: tuple[str, ...] | None = None
    if fields is not None and options.objects is not None:
        chosen = tuple(
            _picked(document, fields, index, images) for index, document in enumerate(options.objects)
        )
        keys = _keys(chosen) if dialect.takes_objects else None
        write = _as_strings if dialect.takes_objects else to_yaml
        chosen = tuple(write(item) if isinstance(item, dict) else item for item in chosen)
    if images:
        chosen = _pictured(dialect, chosen, images)
    if places is not None:
        chosen = tuple(chosen[index] for index in places)
    return Sendable(chosen, places, blanks, keys)


def _images(options: DoRerankOptions) -> dict[int, str | bytes]:
    """Return the images by the indexes of their documents."""
    images = ((index, image_of(document)) for index, document in enumerate(options.objects or ()))
    return {index: image for index, image in images if image is not None}


def _pictured(
    dialect: Dialect, chosen: tuple[Any, ...], images: Mapping[int, str | bytes]
) -> tuple[Any, ...]:
    """Return the documents with those that hold an image written as the dialect wants them."""
    write = dialect.as_picture
    if write is None:
        return chosen
    documents = list(chosen)
    for index, image in images.items():
        text = documents[index]
        try:
            documents[index] = write(text if isinstance(text, str) else to_yaml(text), image_address(image))
        except ValueError as error:
            raise InvalidRequestError(
                f"The image of documents[{index}] cannot be sent to {dialect.provider} as it is.",
                hint=f"Pass {error}.",
            ) from None
    return tuple(documents)


def _picked(document: Any, fields: tuple[str, ...], index: int, images: Collection[int]) -> Any:
    if isinstance(document, str):
        return document
    if not isinstance(document, Mapping):
        raise InvalidRequestError(
            f"documents[{index}] is of type {type(document).__name__}, which has no fields to send.",
            hint="Pass mappings, or leave fields= out.",
        )
    picture = {"image"} if index in images else frozenset()
    picked = {
        str(key): document[key] for key in (fields or document) if key in document and key not in picture
    }
    if not picked and not picture:
        raise InvalidRequestError(
            f"documents[{index}] has none of the fields {', '.join(map(repr, fields))}.",
            hint="Name keys that every document has.",
        )
    return picked


def _keys(objects: tuple[Any, ...]) -> tuple[str, ...] | None:
    keys = dict.fromkeys(key for item in objects if isinstance(item, dict) for key in item)
    return tuple(keys) or None


def _as_strings(document: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        for key, value in document.items()
    }
