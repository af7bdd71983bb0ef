"""Images in documents: `{"text": …, "image": …}` or `{"image": …}`, by address or as bytes. Nothing is fetched or opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["count_images", "image_address", "image_of"]

_KEY = "image"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
"""How files of each kind begin (https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern; TIFF 6.0, section 2)."""


def image_of(document: Any) -> str | bytes | None:
    """Return what stands under `image` in a mapping, where it can be an image: a text or bytes with something in it."""
    if not isinstance(document, Mapping) or _KEY not in document:
        return None
    held = document[_KEY]
    if isinstance(held, bytearray | memoryview):
        held = bytes(held)
    return held if isinstance(held, str | bytes) and held else None


def count_images(documents: Iterable[Any]) -> int:
    """Return how many of the documents hold an image."""
    return sum(image_of(document) is not None for document in documents)


def image_address(image: str | bytes) -> str:
    """Return an image as an address that can be sent: an http(s) address or a data URL as it is, bytes as a data URL.

    Raises:
        ValueError: It is neither; says what would be.
    """
    if isinstance(image, bytes):
        kind = _kind(image)
        if kind is None:
            raise ValueError("bytes of a PNG, JPEG, GIF, WebP, BMP or TIFF file")
        from base64 import b64encode  # noqa: PLC0415  # few documents hold an image

        return f"data:{kind};base64,{b64encode(image).decode()}"
    start = image[:11].lower()
    if start.startswith(("https://", "http://")) or start == "data:image/":
        return image
    raise ValueError(
        "an https address, a data URL (data:image/png;base64,…) or bytes; of a file, Path(name).read_bytes()"
    )


def _kind(image: bytes) -> str | None:
    if image.startswith(b"RIFF") and image[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if image.startswith(magic)), None)
