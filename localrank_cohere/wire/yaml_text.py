"""An object as YAML text with its key order kept, which is how Cohere wants structured documents.

Source: https://docs.cohere.com/docs/rerank-overview ("Example with structured data").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["to_yaml"]

_PLAIN = re.compile(r"[^\W\d](?:[\w ./()-]*[\w.)])?")
_UNPRINTABLE = re.compile(
    "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What YAML 1.2.2 does not allow as it is (section 5.1), and what readers take for a line break or a byte order mark."""

_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return one `key: value` line a key; what is not plain text is written as JSON, which is YAML too."""
    return "".join(f"{_scalar(str(key))}: {_value(value)}\n" for key, value in document.items())


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _scalar(value)
    return _json(value)


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in _WORDS
    return text if plain else _json(text)


def _json(value: Any) -> str:
    """Return JSON that is YAML too. What it escapes can stand in its strings only."""
    written = json.dumps(value, ensure_ascii=False, default=str)
    return _UNPRINTABLE.sub(lambda character: f"\\u{ord(character[0]):04x}", written)
