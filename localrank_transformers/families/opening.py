"""Which family a folder with a graph belongs to, and each that ONNX Runtime serves made from its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.families.pairs import PairFamily
from localrank_transformers.families.tokenization import PairTokenizer
from localrank_transformers.models.folder.late_layout import plain_layout
from localrank_transformers.models.folder.shape import (
    CrossEncoderShape,
    check_served,
    longest_window,
    read_shape,
    window,
)

if TYPE_CHECKING:
    from localrank_transformers.call.contract import OnnxFamily
    from localrank_transformers.families.generative.causal_family import CausalFamily
    from localrank_transformers.families.late.family import LateFamily
    from localrank_transformers.models.folder.model_files import ModelFiles

__all__ = ["open_family"]


def open_family(
    files: ModelFiles,
    *,
    max_length: int | None = None,
    affordable: int | None = None,
    instruction: str | None = None,
    document_cache_mb: int | None = None,
) -> OnnxFamily:
    """Return the family of `files`, with its tokenizer.

    Args:
        files: What was read.
        max_length: The user's window.
        affordable: The catalogue's default window.
        instruction: The user's instruction for every call.
        document_cache_mb: What vectors of documents may take between calls.

    Raises:
        ModelLoadError: The files do not make such a model, or it is of a family that is not served.
        InvalidRequestError: A setting that does not fit it.
    """
    served = check_served(files.config, files.exported, files.late)
    if document_cache_mb is not None and served != "late-interaction":
        raise InvalidRequestError(
            f"document_cache_mb is {document_cache_mb}, but this model reads a document together with its query.",
            hint="Leave it out, or use a model with late interaction, such as the embedded one; `Cached` keeps scores.",
        )
    match served:
        case "cross-encoder":
            _refuse_instruction(instruction, "a cross-encoder")
            return _cross_encoder(files, max_length, affordable)
        case "causal":
            return _causal(files, max_length, affordable, instruction)
        case "late-interaction":
            _refuse_instruction(instruction, "a late-interaction model")
            return _late_interaction(files, max_length, affordable, document_cache_mb)


def _cross_encoder(files: ModelFiles, max_length: int | None, affordable: int | None) -> PairFamily:
    shape = read_shape(files.config, files.tokenizer_config)
    length = window(shape, max_length, affordable)
    return PairFamily(PairTokenizer(_tokenizer(files.tokenizer_json), max_length=length))


def _causal(
    files: ModelFiles, max_length: int | None, affordable: int | None, instruction: str | None
) -> CausalFamily:
    # A cross-encoder, the usual model, should start without these.
    from localrank_transformers.families.generative.causal import CausalPrompt  # noqa: PLC0415
    from localrank_transformers.families.generative.causal_family import CausalFamily  # noqa: PLC0415
    from localrank_transformers.families.generative.templates import TEMPLATES  # noqa: PLC0415

    template = TEMPLATES.get(str(files.exported.template)) if files.exported else None
    if template is None:
        raise ModelLoadError(
            "The folder names a prompt that this version does not know.",
            hint="Export the model again: localrank models export NAME --out FOLDER",
        )
    if not template.reads_instruction:
        _refuse_instruction(instruction, "one whose prompt is fixed")
    shape = CrossEncoderShape(1, longest_window(files.config, files.tokenizer_config), 0)
    tokenizer = _tokenizer(files.tokenizer_json)
    prompt = CausalPrompt(
        tokenizer,
        _tokenizer(files.tokenizer_json),
        template,
        bos=_special_token(files.tokenizer_config, "bos_token"),
        max_length=window(shape, max_length, affordable),
    )
    return CausalFamily(tokenizer, prompt, template.reads_instruction, instruction)


def _late_interaction(
    files: ModelFiles, max_length: int | None, affordable: int | None, document_cache_mb: int | None
) -> LateFamily:
    from localrank_transformers.families.late.family import LateFamily  # noqa: PLC0415
    from localrank_transformers.families.late.known_vectors import DocumentVectors  # noqa: PLC0415  # as above
    from localrank_transformers.families.late.logit import late_logit  # noqa: PLC0415
    from localrank_transformers.families.late.tokens import LateTokenizer  # noqa: PLC0415

    layout = files.late or plain_layout(files.config)
    # The tokenizer may state the length that the encoder was tuned with; the positions are what limits it.
    shape = CrossEncoderShape(1, longest_window(files.config, {}), 0)
    tokenizer = LateTokenizer(
        _tokenizer(files.tokenizer_json),
        layout,
        max_length=window(shape, max_length, affordable or layout.document_length),
        mask_token=_special_token(files.tokenizer_config, "mask_token"),
    )
    hidden = files.config.get("hidden_size")
    return LateFamily(
        tokenizer,
        late_logit(files.exported),
        hidden if isinstance(hidden, int) else None,
        layout.width,
        None if document_cache_mb is None else DocumentVectors(document_cache_mb * 1_000_000),
    )


def _refuse_instruction(instruction: str | None, what: str) -> None:
    if instruction is not None:
        raise InvalidRequestError(
            f"instruction is {instruction[:80]!r}, but this model is {what}.", hint="Leave instruction out."
        )


def _special_token(tokenizer_config: Mapping[str, Any], name: str) -> str | None:
    token = tokenizer_config.get(name)
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else None


def _tokenizer(content: bytes) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises a bare Exception
        raise ModelLoadError(f"tokenizer.json cannot be read: {str(error)[:200]}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
