"""How a document with an image is written for the services that read images, given its text and the image's address. Pure.

Each raises `ValueError` with what the service takes instead.
"""

from __future__ import annotations

from typing import Any

__all__ = ["either", "in_a_message", "in_data_only", "in_parts", "side_by_side"]


def side_by_side(text: str, image: str) -> dict[str, str]:
    """Return both as fields of an object."""
    return {**({"text": text} if text else {}), "image": image}


def either(text: str, image: str) -> dict[str, str]:
    """Return the image alone: Jina's schema has documents with a text and documents with an image."""
    if text:
        raise ValueError("the text or the image of a document, each in a document of its own")
    return {"image": image}


def in_data_only(text: str, image: str) -> dict[str, str]:
    """Return both as fields of an object, where the service fetches nothing: the image has to come along."""
    if not image.startswith("data:"):
        raise ValueError("the image's bytes or a data URL: the service fetches no address")
    return side_by_side(text, image)


def in_parts(text: str, image: str) -> list[dict[str, Any]]:
    """Return the parts of a message, as in OpenAI's chat."""
    words = [{"type": "text", "text": text}] if text else []
    return [*words, {"type": "image_url", "image_url": {"url": image}}]


def in_a_message(text: str, image: str) -> dict[str, Any]:
    """Return the parts under `content`."""
    return {"content": in_parts(text, image)}
