"""`TorchReranker`: any family of reranker on torch, on a GPU or the CPU."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from localrank.contract.types import ScoreKind
from localrank.providers.annotations import check_types
from localrank.providers.loading import LoadOnce
from localrank_transformers.call.contract import Activation, Model
from localrank_transformers.engines.identity import torch_engine
from localrank_transformers.engines.torch.settings import (
    Attention,
    Dtype,
    Listwise,
    TorchSettings,
    require_packages,
)
from localrank_transformers.families.detection import detect
from localrank_transformers.families.tokenization import token_spans
from localrank_transformers.models.bundled import read_file
from localrank_transformers.models.catalogue.entries import CatalogueEntry, lookup
from localrank_transformers.models.folder.exported import (
    EXPORTED_FILE,
    FamilyName,
    exported_graph,
    late_logit,
)
from localrank_transformers.models.folder.reading import exported_of
from localrank_transformers.models.folder.settings_files import SettingsFiles, read_torch_files
from localrank_transformers.models.location import fetch_torch, locate
from localrank_transformers.optimizing.from_bundled import kept_float32
from localrank_transformers.rerankers.base import LocalReranker, licence_warnings, loading, weights_identity
from localrank_transformers.rerankers.torch_loading import load_torch

__all__ = ["TorchReranker"]


class TorchReranker(LocalReranker):
    """Rank with torch and transformers; a drop-in replacement for `OnnxReranker`.

    Nothing is loaded, and torch is not imported, before the first call (or `warm_up`). One object serves any number of tasks
    and threads: its calls compute one after the other, since one pass fills the device. A call that is aborted or cancelled is
    left between two layers.

    Args:
        model: A folder in the Hugging Face layout (`config.json`, `tokenizer.json`, `model.safetensors`), an alias or a hub id;
            what it needs of the hub is fetched at the first call. Pickled weights are refused. An embedded model's float32
            weights are computed from its int8 graph at the first call, with the extra `optimize`, and kept (`LOCALRANK_CACHE`).
        device: `"auto"` is CUDA where it is, else the CPU; `"mps"` is used only when asked for. A device that is not there is
            an error. What was chosen stands in `provider_metadata["torch"]`.
        dtype: `"auto"` is bf16 on a GPU (fp16 where it has no bf16); on the CPU it is fp32, but bf16 for encoders with packed
            attention where the processor has AVX512-BF16 or AMX: more than twice as fast, scores within some hundredths of a
            logit of fp32's. Or `"fp32"`, `"bf16"`, `"fp16"`. Padded bf16 batches on a CPU move a score in the second decimal
            with the batch it is in, so `auto` does not take them.
        attention: `"packed"` computes no padding (BERT, ELECTRA, RoBERTa, XLM-R, ModernBERT, modular rerankers); `"auto"` is
            that on the CPU, and on CUDA in half precision where torch brings the kernel (2.10), else transformers' choice; or
            `"sdpa"`, `"eager"`, `"flash_attention_2"`.
        compile: Compile a cross-encoder at its first pass. A pass is then left between batches only.
        max_length: Tokens of a pair; longer documents are cut and marked. None means the model's own limit, at most 1,024.
        batch_tokens: Padded tokens of one pass; None means 1,024 on the CPU, and on a GPU 32,768, or
            8,192 for a causal model.
        activation: `"sigmoid"` gives scores of 0–1; `"none"` gives the logit. None means what the family needs.
        family: The kind of model, where its files do not tell.
        template: The prompt, where the files do not tell: `"qwen3"`, `"mxbai-v2"` or `"bge-yes"` (gemma) of a causal model;
            `"monot5"`, `"rankt5"` or `"rankt5-encoder"` of a sequence-to-sequence model; `"rankgpt"` (the default),
            `"rank-zephyr"`, `"rank-vicuna"` or `"listt5"` of a listwise model.
        instruction: What "relevant" means, for models that read it; a call's own `instruction` goes first.
        layer: The layer whose score is used, for layerwise models.
        listwise: Window, stride, passes and kind of answer of a listwise model; see `Listwise`.
        trust_remote_code: Whether the code in the model's folder may run.
        offline: True allows no connection, so that a hub model must have been fetched; None leaves it to `HF_HUB_OFFLINE`.
        cache_dir: Where fetched models are kept; None means the hub client's own cache (`HF_HUB_CACHE`).
        revision: The branch, tag or commit of a hub model; None means the commit of the first download.

    Raises:
        MissingDependencyError: torch, transformers or safetensors is not installed.
        InvalidRequestError: A setting with no meaning.
        UnknownModelError: No folder and no known model of that name.
        ModelLoadError: A folder that does not exist.
    """

    provider = "torch"

    def __init__(
        self,
        model: str | Path,
        *,
        device: str = "auto",
        dtype: Dtype = "auto",
        attention: Attention = "auto",
        compile: bool = False,  # noqa: A002  # the name that torch and transformers users know
        max_length: int | None = None,
        batch_tokens: int | None = None,
        activation: Activation | None = None,
        family: FamilyName | None = None,
        template: str | None = None,
        instruction: str | None = None,
        layer: int | None = None,
        listwise: Listwise | None = None,
        trust_remote_code: bool = False,
        offline: bool | None = None,
        cache_dir: str | Path | None = None,
        revision: str | None = None,
    ) -> None:
        check_types(locals(), TorchReranker.__init__)
        require_packages()
        self._settings = TorchSettings(
            device=str(device),
            dtype=dtype,
            attention=attention,
            compile=compile,
            max_length=max_length,
            batch_tokens=batch_tokens,
            activation=activation,
            family=family,
            template=template,
            instruction=instruction,
            layer=layer,
            listwise=listwise,
            trust_remote_code=trust_remote_code,
        )
        self._model = model
        self._hub = (offline, cache_dir, revision)
        self._location = locate(model, revision=revision, cache_dir=cache_dir, offline=offline)
        self._entry = lookup(self._location.model_id) if self._location.folder is None else None
        self._files: LoadOnce[SettingsFiles] = LoadOnce(self._read)
        self._tokenizer = LoadOnce(self._read_tokenizer)
        self._once: LoadOnce[Model] = LoadOnce(self._load)
        self._activation = activation
        self._notices = list(licence_warnings(self._entry))

    @property
    def score_kind(self) -> ScoreKind:
        """`ordinal` for a listwise model; else `probability` with the sigmoid and `logit` without, as for bare cosines."""
        return "ordinal" if self._family() == "listwise" else super().score_kind

    @property
    def scores_comparable(self) -> bool:
        """False for a listwise model, whose scores mean something within their list only."""
        return self._family() != "listwise"

    @property
    def fingerprint(self) -> str:
        """What a score depends on besides query and document: files, settings, and what computes it.

        Nothing is loaded for it, torch included: the versions of torch and transformers, the processor's instruction set and,
        unless the device is the CPU, the accelerators that the system names stand for what `auto` will choose.
        """
        engine = torch_engine(self._settings.device)
        return f"torch:{weights_identity(self._location)}:{self._settings}:{engine}"

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`, special tokens left out."""
        return token_spans(self._tokenizer.get()[0], text)

    def __reduce__(self) -> tuple[Any, ...]:
        offline, cache_dir, revision = self._hub
        settings = {setting.name: getattr(self._settings, setting.name) for setting in fields(self._settings)}
        made = partial(
            TorchReranker, self._model, **settings, offline=offline, cache_dir=cache_dir, revision=revision
        )
        return made, ()

    def _read(self) -> SettingsFiles:
        folder = fetch_torch(self._location, self._files.is_unwanted) or kept_float32(self.model_id)
        with loading(self.model_id):
            return read_torch_files(folder)

    def _read_tokenizer(self) -> Tokenizer:
        return self._files.get()[0].tokenizer()

    def _load(self) -> Model:
        entry, settings = self._entry, self._settings
        if entry is not None:
            settings = replace(
                settings,
                family=settings.family or entry.family,
                template=settings.template or _prompt(entry),
            )
        files, _ = self._files.get(self._once.is_unwanted)
        with loading(self.model_id):
            return load_torch(files, settings, entry.default_length if entry else None)

    def _family(self) -> FamilyName | None:
        """The family, as far as it can be told without a connection."""
        known = self._settings.family or (self._entry.family if self._entry else None)
        if known is not None or (self._location.folder is None and not self._files.is_made):
            return known
        return detect(self._files.get()[0], None)

    def _default_activation(self) -> Activation:
        if self._family() != "late-interaction":
            return "sigmoid"
        if self._location.is_embedded:
            content = json.loads(read_file(self._location.model_id, EXPORTED_FILE))
            return late_logit(exported_graph(content)).activation
        if self._location.folder is None and not self._files.is_made:
            return "none"
        return late_logit(exported_of(self._files.get()[0])).activation

    def __repr__(self) -> str:
        return f"TorchReranker({self.model_id!r}, device={self._settings.device!r}, dtype={self._settings.dtype!r})"


def _prompt(entry: CatalogueEntry) -> str | None:
    return entry.template if entry.family in {"causal", "seq2seq", "listwise"} else None
