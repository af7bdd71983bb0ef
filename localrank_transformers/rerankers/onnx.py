"""`OnnxReranker`: local models on ONNX Runtime, the embedded one by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import ModelLoadError
from localrank.providers.annotations import check_types
from localrank.providers.loading import LoadOnce
from localrank.providers.unused import close_when_unused
from localrank_transformers.call.scheduler import shared_scheduler
from localrank_transformers.families.late.known.keeping import DocumentStore, Keeping
from localrank_transformers.models.location import Location, locate
from localrank_transformers.rerankers.base import LocalReranker, licence_warnings, loading, weights_identity
from localrank_transformers.rerankers.memory import give_back_freed, give_back_when_freed
from localrank_transformers.rerankers.onnx_settings import OnnxSettings
from localrank_transformers.rerankers.ready import fetch_ready, read_ready

if TYPE_CHECKING:
    from localrank.contract.types import RerankWarning
    from localrank_transformers.call.call import PointwiseModel
    from localrank_transformers.call.contract import Activation
    from localrank_transformers.families.late.vectors import TokenVectors
    from localrank_transformers.models.catalogue.entries import CatalogueEntry

__all__ = ["OnnxReranker"]


class OnnxReranker(LocalReranker):
    """Rank with a cross-encoder, a late-interaction or an exported causal model on ONNX Runtime, without torch.

    Nothing is loaded before the first call (or `warm_up`). One object serves any number of tasks and threads at once; all
    models of a process share one queue and one single-threaded worker a usable core.

    Args:
        model: None for the embedded model, `"localrank-tiny"` for the small one, a folder in the Hugging Face layout
            (`config.json`, `tokenizer.json` and `onnx/model.onnx` or `model.onnx`), an alias such as `"mini"`, or a hub id;
            what it needs of the hub is fetched at the first call.
        precision: `"auto"` (int8 for the embedded model; for a known model the int8 file of this processor, where its
            repository ships one; fp32 for a folder or any other repository), `"fp32"`, `"fp16"`, `"int8"`, or `"refined"`:
            int8 over everything, then float32 over the best `top_k` and a few more, so that what is returned is ordered and
            scored in float32 (what was not scored again stands below, in tier 1); plain float32 without `top_k`.
        max_length: Tokens of a pair, or of a document where it is read apart from the query; longer documents are cut and
            marked. None means the model's own limit, at most 1,024.
        threads: Documents of one call that run at once; None means one a usable core.
        execution_providers: ONNX Runtime's device plug-ins in order of preference. None means the CPU, where compiled kernels
            run the graphs that we wrote; with `["CPUExecutionProvider"]` ONNX Runtime runs everything.
        activation: `"sigmoid"` gives scores of 0–1; `"none"` gives the logit. None means sigmoid, and none for a
            late-interaction model whose logits are bare cosines.
        offline: True allows no connection, so that a hub model must have been fetched; None leaves it to `HF_HUB_OFFLINE`. An
            embedded model or a folder never connects to anything.
        cache_dir: Where fetched models are kept; None means the hub client's own cache (`HF_HUB_CACHE`).
        revision: The branch, tag or commit of a hub model. None means the commit of the first download, which is recorded; with
            it, or a whole commit, files that are on this machine are used without any connection.
        instruction: For a causal reranker, what stands in its prompt where a call brings no instruction of its own; None means
            what its authors put there.
        optimize: Whether an exported float32 graph of a known form is exchanged, once, for a faster one with the same scores,
            kept in `LOCALRANK_CACHE`, and an int8 graph made where none is shipped. Needs the extra `optimize` once.
        document_cache_mb: Megabytes that token vectors of documents may take between calls: one that comes again, for whatever
            query, is not read again, and its score is the same. For late interaction, as the embedded models have it; None
            keeps none.
        document_store: The same in a folder, for many processes and for longer than they run: a `DocumentStore`, or its path.

    Raises:
        InvalidRequestError: A setting with no meaning.
        UnknownModelError: No folder and no known model of that name.
        ModelLoadError: No such folder, or a model that ONNX Runtime cannot run.
    """

    provider = "onnx"
    scores_comparable = True

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        precision: str = "auto",
        max_length: int | None = None,
        threads: int | None = None,
        execution_providers: Sequence[str] | None = None,
        activation: str | None = None,
        offline: bool | None = None,
        cache_dir: str | Path | None = None,
        revision: str | None = None,
        instruction: str | None = None,
        optimize: bool = True,
        document_cache_mb: int | None = None,
        document_store: DocumentStore | str | Path | None = None,
    ) -> None:
        check_types(locals(), OnnxReranker.__init__, DocumentStore=DocumentStore)
        if isinstance(document_store, str | Path):
            document_store = DocumentStore(document_store)
        self._arguments: dict[str, Any] = {
            "model": model,
            "precision": precision,
            "max_length": max_length,
            "threads": threads,
            "execution_providers": execution_providers,
            "activation": activation,
            "offline": offline,
            "cache_dir": cache_dir,
            "revision": revision,
            "instruction": instruction,
            "optimize": optimize,
            "document_cache_mb": document_cache_mb,
            "document_store": document_store,
        }
        self._location = locate(model, revision=revision, cache_dir=cache_dir, offline=offline)
        keeping = Keeping(document_cache_mb, document_store, self._location.model_id)
        self._troubles = keeping.warnings if keeping else None
        entry = _known(self._location)
        _refuse_other_families(entry, self._location.model_id)
        self._settings = OnnxSettings(
            precision,  # type: ignore[arg-type]  # checked there, as is the activation
            max_length=max_length,
            threads=threads,
            execution_providers=None if execution_providers is None else tuple(execution_providers),
            activation=activation,  # type: ignore[arg-type]
            instruction=instruction,
            optimize=optimize,
            keeping=keeping,
        )
        self._notices = list(licence_warnings(entry))
        self._once = _once(self._location, self._settings, self._notices)
        self._activation = self._settings.activation or _known_activation(self._location, entry)
        close_when_unused(self, partial(_close, self._once))

    @property
    def fingerprint(self) -> str:
        """What a score depends on besides query and document: files, precision, window, activation, and what computes it.

        Nothing is loaded for it. What is known before: whether the compiled kernels can run here, ONNX Runtime's version, its
        execution providers, the processor's instruction set, and how vectors of documents are kept, if they are. So machines
        that would score alike share cached scores, and others never mix theirs. Of a graph that is not embedded only its file
        tells whether the kernels run it; both engines are named then.
        """
        from localrank_transformers.engines.identity import onnx_engine  # noqa: PLC0415  # only caches and reports ask

        settings, weights = self._settings, weights_identity(self._location)
        embedded = self._location.is_embedded
        precision = "int8" if embedded and settings.precision == "auto" else settings.precision
        engine = onnx_engine(settings.execution_providers, graph_is_ours=embedded)
        graph = precision if embedded or not settings.runs_faster else f"{precision}+optimize"
        kept = settings.keeping.fingerprint
        return f"onnx:{weights}:{graph}:{settings.max_length}:{settings.activation}:{settings.instruction}:{engine}{kept}"

    @property
    def reads_documents_apart(self) -> bool:
        """Whether the model is known to read a document apart from its query, so that `document_cache_mb` serves it."""
        if self._location.is_embedded:
            return True
        if self._location.folder is not None:
            from localrank_transformers.models.folder.reading import reads_documents_apart  # noqa: PLC0415  # as for the activation

            with suppress(ModelLoadError):  # the first call says what is wrong with the folder
                return reads_documents_apart(self._location.folder)
            return False
        entry = _known(self._location)
        return entry is not None and entry.family == "late-interaction"

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`, special tokens left out; loads the model."""
        model: PointwiseModel = self._once.get()[0]
        return model.family.token_spans(text)

    def document_vectors(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return a vector a token of each document, to be kept elsewhere: as multivectors in a vector store, say.

        For late interaction. Loads the model, and blocks; all cores compute.

        Raises:
            InvalidRequestError: The model reads a document together with its query.
            ModelLoadError: It cannot be loaded.
            InferenceError: The engine failed.
        """
        from localrank_transformers.families.late.vectors import document_vectors  # noqa: PLC0415  # few ask

        return document_vectors(self._once.get()[0], texts)

    def query_vectors(self, text: str) -> TokenVectors:
        """Return a vector a token of a query, and what each counts; see `document_vectors`.

        A document's mean of best cosines is the sum, over the query's tokens, of weight times greatest dot product. Stores that
        add plain dot products up (MaxSim) are given `weighted`.
        """
        from localrank_transformers.families.late.vectors import query_vectors  # noqa: PLC0415  # few ask

        return query_vectors(self._once.get()[0], text)

    def score_vectors(self, query: str, documents: Sequence[Any]) -> list[float]:
        """Return the score of each document whose vectors are handed in, as a ranking of its text has it.

        Args:
            query: The text.
            documents: Arrays of shape (tokens, width), such as `document_vectors` gave.

        Raises:
            InvalidRequestError: One has another shape, or the model has no vectors of documents.
            ModelLoadError: It cannot be loaded.
            InferenceError: The engine failed, or a number is not finite.
        """
        from localrank_transformers.call.call import score  # noqa: PLC0415  # as below
        from localrank_transformers.families.late.vectors import vector_logits  # noqa: PLC0415  # few ask

        model: PointwiseModel = self._once.get()[0]
        return [score(logit, model.activation) for logit in vector_logits(model, query, documents)]

    def close(self) -> None:
        """Release the session; a later call loads again. Calls that are running end as they would have."""
        _close(self._once)
        if (store := self._settings.keeping.store) is not None:
            store.close()

    def _default_activation(self) -> Activation:
        if self._location.folder is not None:
            from localrank_transformers.models.folder.reading import folder_activation  # noqa: PLC0415  # the embedded model reads no folder

            with suppress(ModelLoadError):  # the first call says what is wrong with the folder
                self._activation = folder_activation(self._location.folder)
        if self._activation is None and self._once.is_made:
            self._activation = self._once.get()[0].family.activation
        return self._activation or "sigmoid"

    def __repr__(self) -> str:
        return f"OnnxReranker({self.model_id!r}, precision={self._settings.precision!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(OnnxReranker, **self._arguments), ()


def _once(
    location: Location, settings: OnnxSettings, notices: list[RerankWarning]
) -> LoadOnce[PointwiseModel]:
    def load() -> PointwiseModel:
        with loading(location.model_id):
            return _load(location, settings, once.is_unwanted, notices)

    once: LoadOnce[PointwiseModel] = LoadOnce(load)
    return once


def _load(
    location: Location,
    settings: OnnxSettings,
    is_unwanted: Callable[[], bool],
    notices: list[RerankWarning],
) -> PointwiseModel:
    ready = fetch_ready(location, settings.graphs, is_unwanted, optimize=settings.runs_faster)
    scheduler = shared_scheduler()
    files = [read_ready(ready, precision, optimize=settings.runs_faster) for precision in settings.graphs]
    # Imported while the embedded model is checked: with numpy it takes longer than all the rest.
    from localrank_transformers.rerankers.onnx_loading import load  # noqa: PLC0415

    loaded = load(files, settings, _known(location), scheduler, notices)
    scheduler.hold()
    return loaded


def _known(location: Location) -> CatalogueEntry | None:
    """Return what the catalogue says of a model; for an embedded one its own files say all, so that nothing is parsed."""
    if location.is_embedded:
        return None
    from localrank_transformers.models.catalogue.entries import lookup  # noqa: PLC0415  # the embedded model is to be there at once

    return lookup(location.model_id)


def _known_activation(location: Location, entry: CatalogueEntry | None) -> Activation | None:
    """Return a model's own activation, or None where only its files tell."""
    if location.is_embedded:
        return "sigmoid"
    if entry is None or location.hub is None:
        return None
    return "none" if entry.family == "late-interaction" else "sigmoid"


def _refuse_other_families(entry: CatalogueEntry | None, name: str) -> None:
    """Refuse early what no ONNX file can mend; a known cross-encoder may have gained one, so that is seen at the load."""
    if entry is None or "onnx" in entry.engines or entry.family == "cross-encoder":
        return
    if entry.hub_id != name:
        return
    reason = entry.engine_notes.get("onnx", f"it belongs to the family {entry.family}")
    raise ModelLoadError(
        f"OnnxReranker cannot run {name}: {reason}.",
        hint=f"Use TorchReranker({entry.name!r}), as a string 'torch:{entry.name}'.",
    )


def _close(once: LoadOnce[PointwiseModel]) -> None:
    model = once.take()
    if model is None:
        return
    device = model.device
    for engine in (model.engine, model.exact):
        if engine is not None:
            engine.settle()
    give_back_when_freed()
    del model, engine  # the session goes with its last user
    device.release()
    give_back_freed()
