"""What a folder's files ask for and no engine here does is refused, by the table in `keys`."""

from __future__ import annotations

from collections.abc import Iterator

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.safety.files import has_file
from localrank_transformers.models.folder.stated.keys import ANY, refused
from localrank_transformers.models.folder.stated.settings import (
    BERT,
    CONFIG,
    MODULES,
    SENTENCE,
    TOKENIZER,
    Settings,
    StatedFiles,
)

__all__ = ["refuse", "refuse_answers", "refuse_weights"]

_HINT = "The model would be computed otherwise than its files say, so it is not loaded."

_ADAPTER = "adapter_config.json"
_CLASSIFIER = "ForSequenceClassification"
_GRAPH_KEEPS = ("quantization_config",)
"""What a graph has built in, so that only torch cannot read it."""


def refuse(files: StatedFiles) -> None:
    """Refuse a folder that asks for what is not done here.

    Raises:
        ModelLoadError: It does; names file, key and value.
    """
    for settings, file in _all(files):
        _refuse(settings, file)
    _refuse_roles(files)
    stated = files.json(SENTENCE)
    if stated.text("model_type") == "ColBERT" and stated.text("default_prompt_name"):
        raise stated.wrong(
            "default_prompt_name", "null: PyLate would put that prompt before queries and documents alike"
        )


def refuse_answers(files: StatedFiles, positive: int, negative: int | None) -> None:
    """Refuse a causal model whose files read other words of its answer than its prompt asks for.

    Args:
        files: What the files say.
        positive: The id of the word that counts for a document.
        negative: That of the word that counts against it; None for none.

    Raises:
        ModelLoadError: As for `refuse`.
    """
    for module in files.modules:
        if (module.text("type") or "").endswith(".LogitScore"):
            stated = files.json(f"{module.text('path') or ''}/config.json".lstrip("/"))
            for key, wanted in (("true_token_id", positive), ("false_token_id", negative)):
                if stated.count(key) != wanted:
                    raise stated.wrong(key, f"{wanted}, the word that this model's prompt asks for")


def refuse_weights(files: StatedFiles) -> None:
    """Refuse what torch cannot compute and a graph has built in.

    Raises:
        ModelLoadError: As for `refuse`.
    """
    _refuse(files.config, CONFIG, *_GRAPH_KEEPS)


def _all(files: StatedFiles) -> Iterator[tuple[Settings, str]]:
    """Yield each file with the name under which `keys` has it."""
    yield files.config, CONFIG
    yield files.tokenizer_config, TOKENIZER
    if has_file(files.folder, _ADAPTER):
        yield files.json(_ADAPTER), _ADAPTER
    if not files.modules:
        return
    yield files.json(SENTENCE), SENTENCE
    for module in files.modules:
        yield module, MODULES
        yield from _module(files, module)


def _module(files: StatedFiles, module: Settings) -> Iterator[tuple[Settings, str]]:
    named, path = module.text("type") or "", module.text("path") or ""
    kind = named.rpartition(".")[2]
    if kind == "Transformer":
        yield files.json(f"{path}/{BERT}".lstrip("/")), BERT
    elif path:
        yield files.json(f"{path}/config.json"), f"{ANY}_{kind}/config.json"


def _refuse(settings: Settings, file: str, *names: str) -> None:
    for key in refused(file):
        for name in key.names:
            value = settings.get(name)
            if value is None or value in key.neutral or (name in _GRAPH_KEEPS and not names):
                continue
            raise ModelLoadError(
                f"{settings.file}: {name} is {repr(value)[:80]}, which is not supported: {key.why[0].lower()}{key.why[1:]}",
                hint=_HINT,
            )


def _refuse_roles(files: StatedFiles) -> None:
    """Refuse a cross-encoder whose pairs go through a chat template that has the roles `query` and `document`."""
    template = files.chat_template or ""
    if files.architecture.endswith(_CLASSIFIER) and "'document'" in template.replace('"', "'"):
        raise ModelLoadError(
            f"{files.tokenizer_config.file}: chat_template has a role 'document', by which this cross-encoder reads its pairs; "
            "that is not supported.",
            hint="Rank with sentence-transformers' CrossEncoder, or export its causal original: localrank models export NAME",
        )
