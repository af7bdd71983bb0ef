"""Wrappers as strings: `cascade:(onnx:mini>20>cohere:rerank-v3.5)` and the like, for command lines and configuration.

    string   kind ":(" models ["," option "=" value]… ")"
    cascade  A>20>B>5>C       keep stands between the models
    fallback A|B|identity     the next one on failure
    fused    A*0.7+retrieved*0.3
    cached, chunked, calibrated, limited, batched, diversified    one model

A model is a name or another such string; brackets keep what is inside together. `identity` and `retrieved` stand for
`Identity()` and `Retrieved()`. `toml:FILE` and `toml:FILE#TABLE` read a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localrank.compose.several.given import Identity, Retrieved
from localrank.compose.tables import build, from_toml
from localrank.compose.wrapping.wrapper import MOST_NESTED, refuse, too_deep
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.contract.texts import shortened

__all__ = [
    "batched",
    "cached",
    "calibrated",
    "cascade",
    "chunked",
    "diversified",
    "fallback",
    "fused",
    "identity",
    "limited",
    "retrieved",
    "toml",
]


def cascade(body: str) -> AnyReranker:
    """Return a `Cascade` for `(A>20>B)`; also `(A>B,keep=20)`."""
    pieces, options = _parsed("cascade", body, ">")
    keeps = [_keep(piece, body) for piece in pieces[1::2] if piece.isdecimal()]
    if not keeps:
        return build("cascade", pieces, options)
    if len(keeps) != len(pieces) // 2 or len(pieces) % 2 == 0 or "keep" in options:
        raise _malformed("cascade", body)
    return build("cascade", pieces[::2], {**options, "keep": keeps})


def fallback(body: str) -> AnyReranker:
    """Return a `Fallback` for `(A|B|identity)`."""
    pieces, options = _parsed("fallback", body, "|")
    return build("fallback", pieces, options)


def fused(body: str) -> AnyReranker:
    """Return a `Fused` for `(A+B)` or, with weights, `(A*0.7+B*0.3)`."""
    pieces, options = _parsed("fused", body, "+")
    weighted = [_split(piece, "*") for piece in pieces]
    if all(len(parts) == 1 for parts in weighted):
        return build("fused", pieces, options)
    try:
        weights = [float(weight) for _, weight in weighted]
    except ValueError:
        raise _malformed("fused", body) from None
    return build("fused", [model for model, _ in weighted], {**options, "weights": weights})


def identity(body: str) -> AnyReranker:
    """Return `Identity()`, whatever stands behind the colon."""
    del body
    return Identity()


def retrieved(body: str) -> AnyReranker:
    """Return `Retrieved()`, whatever stands behind the colon."""
    del body
    return Retrieved()


def toml(body: str) -> AnyReranker:
    """Return the reranker of `FILE` or `FILE#TABLE`."""
    path, _, table = body.partition("#")
    return from_toml(path, table=table or None)


def _of_one(kind: str) -> Callable[[str], AnyReranker]:
    def make(body: str) -> AnyReranker:
        pieces, options = _parsed(kind, body, "")
        return build(kind, pieces, options)

    make.__doc__ = f"Return the wrapper `{kind}` for `(A,option=value)`."
    return make


cached = _of_one("cached")
chunked = _of_one("chunked")
calibrated = _of_one("calibrated")
limited = _of_one("limited")
batched = _of_one("batched")
diversified = _of_one("diversified")
when = _of_one("when")


def _parsed(kind: str, body: str, joint: str) -> tuple[list[str], dict[str, Any]]:
    """Return the parts between the joints, and the options behind the commas."""
    text = body.strip()
    if not (text.startswith("(") and text.endswith(")")) or not _balanced(text[1:-1]):
        raise _malformed(kind, body)
    models, *settings = _split(text[1:-1], ",")
    options: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise _malformed(kind, body)
        options[name.strip()] = _value(value.strip())
    pieces = _split(models, joint) if joint else [models.strip()]
    if not all(pieces):
        raise _malformed(kind, body)
    return pieces, options


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth >= MOST_NESTED:
            raise too_deep()
        if depth < 0:
            return False
    return depth == 0


def _split(text: str, separator: str) -> list[str]:
    """Return the parts of `text` between separators that stand outside all brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _keep(text: str, body: str) -> int:
    try:
        return int(text)
    except ValueError:  # of thousands of digits
        raise _malformed("cascade", body) from None


def _value(text: str) -> int | float | str:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _malformed(kind: str, body: str) -> InvalidRequestError:
    examples = {
        "cascade": "cascade:(onnx:mini>20>cohere:rerank-v3.5)",
        "fallback": "fallback:(cohere:rerank-v3.5|onnx:mini|identity)",
        "fused": "fused:(onnx:mini*0.7+retrieved*0.3)",
    }
    example = examples.get(kind, f"{kind}:(onnx:mini,option=value)")
    return refuse(f"{kind}:{shortened(body)} cannot be read.", f'Write it as "{example}".')
