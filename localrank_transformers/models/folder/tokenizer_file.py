"""The tokenizer of a model folder, and the special tokens that its configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import ModelLoadError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["read_tokenizer", "special_token"]


def read_tokenizer(content: bytes) -> Tokenizer:
    """Return a tokenizer that neither cuts nor fills up.

    Args:
        content: That of `tokenizer.json`.

    Raises:
        ModelLoadError: It is damaged.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415  # takes longer to import than a model's files to be found

    try:
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises a bare Exception
        raise ModelLoadError(f"tokenizer.json cannot be read: {str(error)[:200]}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def special_token(tokenizer_config: Mapping[str, Any], name: str) -> str | None:
    """Return a token that `tokenizer_config.json` names, such as `eos_token` or `mask_token`."""
    token = tokenizer_config.get(name)
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else None
