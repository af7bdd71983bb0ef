"""Each family made from a model's files, with its tokenizer, window and prompt; for whatever engine computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.models.folder.exported import LateLogit, late_logit
from localrank_transformers.models.folder.late_layout import LateLayout, plain_layout
from localrank_transformers.models.folder.shape import check_served, longest_window, read_shape, window
from localrank_transformers.models.folder.stated.settings import Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from localrank_transformers.call.contract import Family
    from localrank_transformers.families.generative.causal_family import CausalFamily
    from localrank_transformers.families.generative.templates import CausalTemplate
    from localrank_transformers.families.late.family import LateFamily
    from localrank_transformers.families.late.known.keeping import Keeping
    from localrank_transformers.families.late.known.packed import Bits, Compare
    from localrank_transformers.families.pairs import PairFamily
    from localrank_transformers.models.folder.model_files import ModelFiles
    from localrank_transformers.models.folder.settings_files import SettingsFiles
    from localrank_transformers.models.folder.stated.pairs import PairSettings
    from localrank_transformers.models.folder.stated.unigram import PieceFinder, UnigramTokenizer

    Files: TypeAlias = ModelFiles | SettingsFiles

__all__ = ["open_causal", "open_family", "open_late", "open_pairs", "open_tokenizer"]


def open_family(
    files: ModelFiles,
    *,
    max_length: int | None = None,
    affordable: int | None = None,
    instruction: str | None = None,
    keeping: Keeping | None = None,
    compare: Callable[[Bits], Compare] | None = None,
    finder: PieceFinder | None = None,
) -> Family:
    """Return the family of a folder with a graph.

    Args:
        files: What was read.
        max_length: The user's window.
        affordable: The catalogue's default window.
        instruction: The user's instruction for every call.
        keeping: What is kept of documents between calls.
        compare: Makes what compares documents packed in so many bits; None to compare in float32 what is not kept.
        finder: Finds the pieces of a Unigram tokenizer; None to leave them to the library.

    Raises:
        ModelLoadError: The files do not make such a model, or it is of a family that is not served.
        InvalidRequestError: A setting that does not fit it.
    """
    served = check_served(files.config, files.exported, files.late)
    if keeping and served != "late-interaction":
        raise InvalidRequestError(
            f"{keeping.named}, but this model reads a document together with its query.",
            hint="Leave it out, or use a model with late interaction, such as the embedded one; `Cached` keeps scores.",
        )
    match served:
        case "cross-encoder":
            _refuse_instruction(instruction, "a cross-encoder")
            return open_pairs(
                files, files.config, max_length=max_length, affordable=affordable, finder=finder
            )
        case "causal":
            return open_causal(
                files,
                _exported_template(files),
                max_length=max_length,
                affordable=affordable,
                instruction=instruction,
            )
        case "late-interaction":
            _refuse_instruction(instruction, "a late-interaction model")
            return _keeping_late(
                files, keeping, compare, max_length=max_length, affordable=affordable, finder=finder
            )


def _keeping_late(
    files: ModelFiles,
    keeping: Keeping | None,
    compare: Callable[[Bits], Compare] | None,
    *,
    max_length: int | None,
    affordable: int | None,
    finder: PieceFinder | None,
) -> LateFamily:
    """Return a late-interaction model's family with what is known of documents."""
    from localrank_transformers.families.late.known.identity import identity_of  # noqa: PLC0415  # as in `open_late`

    layout = files.late or plain_layout(files.config)
    family = open_late(
        files,
        files.config,
        layout,
        late_logit(files.exported),
        max_length=max_length,
        affordable=affordable,
        finder=finder,
    )
    if compare is None:
        return family
    if not keeping:
        return replace(family, compare=compare(7))
    known = keeping.open(identity_of(files, layout, family.tokenizer.max_length))
    return replace(family, compare=compare(7 if known is None else known.bits), known=known)


def open_pairs(
    files: Files,
    config: Mapping[str, Any],
    *,
    max_length: int | None,
    affordable: int | None,
    finder: PieceFinder | None,
) -> PairFamily:
    """Return a cross-encoder's family.

    Args:
        files: What was read.
        config: The encoder's configuration.
        max_length: The user's window.
        affordable: The catalogue's default window.
        finder: See `open_family`.

    Raises:
        ModelLoadError: The files do not make such a model.
        InvalidRequestError: A window that does not fit.
    """
    from localrank_transformers.families.pairs import PairFamily  # noqa: PLC0415  # the embedded models are of another family
    from localrank_transformers.families.tokenization import PairTokenizer  # noqa: PLC0415

    tokenizer, said = open_tokenizer(files, finder)
    longest = read_shape(config, files.tokenizer_config, said.max_length, files.width).max_length
    length = window(longest, max_length, affordable)
    return PairFamily(PairTokenizer(tokenizer, max_length=length, said=said))


def open_causal(
    files: Files,
    template: CausalTemplate,
    *,
    max_length: int | None,
    affordable: int | None,
    instruction: str | None,
) -> CausalFamily:
    """Return the family of a model that answers the prompt `template`; see `open_pairs`."""
    # Other models should start without these.
    from localrank_transformers.families.generative.causal import CausalPrompt  # noqa: PLC0415
    from localrank_transformers.families.generative.causal_family import CausalFamily  # noqa: PLC0415

    if not template.reads_instruction:
        _refuse_instruction(instruction, "one whose prompt is fixed")
    tokenizer = files.tokenizer()
    prompt = CausalPrompt(
        tokenizer,
        files.tokenizer(),
        template,
        bos=files.special_token("bos_token"),
        max_length=window(
            longest_window(files.config, files.tokenizer_config, files.width), max_length, affordable
        ),
    )
    return CausalFamily(tokenizer, prompt, template.reads_instruction, instruction)


def _exported_template(files: ModelFiles) -> CausalTemplate:
    from localrank_transformers.families.generative.templates import TEMPLATES  # noqa: PLC0415  # as above

    template = TEMPLATES.get(str(files.exported.template)) if files.exported else None
    if template is None:
        raise ModelLoadError(
            "The folder names a prompt that this version does not know.",
            hint="Export the model again: localrank models export NAME --out FOLDER",
        )
    return template


def open_late(
    files: Files,
    config: Mapping[str, Any],
    layout: LateLayout,
    logit: LateLogit,
    *,
    max_length: int | None,
    affordable: int | None,
    finder: PieceFinder | None,
) -> LateFamily:
    """Return a late-interaction model's family; see `open_pairs`.

    Args:
        files: What was read.
        config: The encoder's configuration.
        layout: Markers and lengths.
        logit: What the best cosines are turned into.
        max_length: The user's window.
        affordable: The catalogue's default window.
        finder: See `open_family`.
    """
    from localrank_transformers.families.late.family import LateFamily  # noqa: PLC0415  # as above
    from localrank_transformers.families.late.tokens import LateTokenizer  # noqa: PLC0415

    # The tokenizer may state the length that the encoder was tuned with; the positions are what limits it.
    longest = longest_window(config, {}, files.width)
    tokenizer = LateTokenizer(
        open_tokenizer(files, finder)[0],
        layout,
        max_length=window(longest, max_length, affordable or layout.document_length),
        mask_token=files.special_token("mask_token"),
    )
    return LateFamily(tokenizer, logit, Settings(config).count("hidden_size", least=1), layout.width)


def open_tokenizer(
    files: Files, finder: PieceFinder | None
) -> tuple[Tokenizer | UnigramTokenizer, PairSettings]:
    """Return a model's tokenizer, and how pairs are read.

    Args:
        files: What was read.
        finder: See `open_family`.

    Raises:
        ModelLoadError: `tokenizer.json` is missing or damaged, or contradicts another file.
    """
    from localrank_transformers.models.folder.stated.tokenizer import read_tokenizer  # noqa: PLC0415  # as above

    content, said = files.tokenizer_json, files.pairs
    if finder is not None and b'"Unigram"' in content:
        from localrank_transformers.models.folder.stated.unigram import unigram_tokenizer  # noqa: PLC0415  # few models have one

        apart = unigram_tokenizer(content, said, finder)
        if apart is not None:
            return apart
    return read_tokenizer(content, said)


def _refuse_instruction(instruction: str | None, what: str) -> None:
    if instruction is not None:
        raise InvalidRequestError(
            f"instruction is {instruction[:80]!r}, but this model is {what}.", hint="Leave instruction out."
        )
