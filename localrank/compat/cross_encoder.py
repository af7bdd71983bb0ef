"""The `predict` and `rank` of sentence-transformers' `CrossEncoder` over our models.

After sentence-transformers 6.2 (https://sbert.net/docs/package_reference/cross_encoder/cross_encoder.html): arguments, types of
the results, the order. Scores are 0–1 unless `activation_fn` is an `Identity`; there, the configuration of each model decides,
so that a model trained for raw scores (`ms-marco-MiniLM…`) gives logits. Old names of arguments are taken as there. What
changes no score here is accepted and not used (`batch_size`, `show_progress_bar`, `trust_remote_code`, `num_workers` …); what
would change one is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from localrank.calling.documents import is_table
from localrank.calling.logged import logged
from localrank.calling.pairs import score_pairs_sync
from localrank.calling.sync import rerank_sync
from localrank.compat.arguments import CALL, CONSTRUCTOR, check_unsettable, renamed, settings_of
from localrank.compose.rules.fitting import sigmoid
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker, score_kind
from localrank.contract.texts import plain, shortened
from localrank.providers.arguments import check_choice
from localrank.providers.registry import DEFAULT_MODEL, make_model, no_name, resolve

__all__ = ["CrossEncoder"]

_ACTIVATIONS = {"Sigmoid": "sigmoid", "Identity": "none"}
"""What `activation_fn` means to a local model, by its class."""

_POSITIONAL = ("num_labels", "max_length", "activation_fn", "device")
"""What older versions of sentence-transformers take behind the name, by position."""

_ELSEWHERE = {
    **dict.fromkeys(("fit", "old_fit", "trainer"), "`localrank train` trains a model of your own."),
    **dict.fromkeys(
        ("to", "cuda", "cpu", "half", "bfloat16", "eval", "compile"),
        'pass device= and backend="torch" where it is made, or TorchReranker(…) with what it takes.',
    ),
    **dict.fromkeys(
        ("save", "save_pretrained", "push_to_hub"), "the model's files stay where they were read."
    ),
}
"""What stands for members that only sentence-transformers' class has."""

Pair = Sequence[str]
Scores = NDArray[np.float32] | np.float32 | list[np.float32]


class CrossEncoder:
    """Scores as a `CrossEncoder` with one label does, with one of our models.

    Args:
        model_name_or_path: A reranker, a hub id, an alias or a folder. None means the embedded model.
        max_length: Tokens of a pair; None means the model's own limit.
        activation_fn: A `torch.nn.Sigmoid()` for 0–1, a `torch.nn.Identity()` for logits; None means 0–1.
        cache_folder: Where fetched models are kept.
        revision: The branch, tag or commit of a hub model.
        local_files_only: Whether nothing may be fetched.
        backend: `onnx`, or `torch` with the extra of that name.
        device: Where torch computes.
        model_kwargs: Accepted where it only says full precision or how torch computes the same.
        processor_kwargs: Its `model_max_length` is `max_length`.
        config_kwargs: Accepted where it changes no score.
        positional: `num_labels`, `max_length`, `activation_fn` and `device`, for code that passes them by position.
        others: What else sentence-transformers takes, such as `num_labels=1`, and old names such as `automodel_args`.

    Raises:
        InvalidRequestError: A setting that the backend does not have, settings beside a reranker that is made already, or an
            argument that would change scores and cannot be had here.
        UnknownModelError: No such model.
    """

    def __init__(
        self,
        model_name_or_path: AnyReranker | str | Path | None = None,
        *positional: Any,
        max_length: int | None = None,
        activation_fn: object | None = None,
        cache_folder: str | Path | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        backend: Literal["onnx", "torch"] = "onnx",
        device: str | None = None,
        model_kwargs: Mapping[str, Any] | None = None,
        processor_kwargs: Mapping[str, Any] | None = None,
        config_kwargs: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> None:
        present = {
            "model_name_or_path": model_name_or_path,
            "max_length": max_length,
            "activation_fn": activation_fn,
            "device": device,
            "cache_folder": cache_folder,
            "model_kwargs": model_kwargs,
            "processor_kwargs": processor_kwargs,
            "config_kwargs": config_kwargs,
        }
        older = dict(zip(_POSITIONAL, positional, strict=False))
        arguments = renamed("CrossEncoder", present, {**older, **others}, CONSTRUCTOR)
        device = arguments.pop("device")
        check_unsettable(arguments)
        _check_backend(backend, device)
        settings = {
            **_settings(arguments),
            "revision": revision,
            "offline": local_files_only or None,
            "device": None if backend == "onnx" else device,
        }
        given = {name: value for name, value in settings.items() if value is not None}
        self.model = _model(arguments["model_name_or_path"], backend, given)

    if not TYPE_CHECKING:  # a type checker says by itself what is not there

        def __getattr__(self, name: str) -> NoReturn:
            """Say what is there in place of a member of sentence-transformers' class."""
            instead = _ELSEWHERE.get(name, "predict and rank are what is here.")
            raise AttributeError(
                f"{type(self).__name__!r} object of localrank.compat has no attribute {name!r}: {instead}",
                name=name,
                obj=self,
            )

    def predict(
        self,
        inputs: Iterable[Pair] | Pair | None = None,
        *,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,  # noqa: ARG002  # sentence-transformers' signature
        activation_fn: object | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        **others: Any,
    ) -> Scores:
        """Return the score of each (query, document) pair: an array of float32, or one number for one pair.

        Args:
            inputs: Pairs, or one pair, or a table of pandas, Polars or Arrow whose two columns are the query and the document.
            batch_size: Accepted, checked and not used.
            show_progress_bar: Accepted and not used.
            activation_fn: A Sigmoid or an Identity for this call; None means the model's own.
            convert_to_numpy: False for a list of numbers.
            convert_to_tensor: Refused: call `torch.from_numpy` on the array.
            others: What else sentence-transformers takes, and old names such as `sentences`.

        Raises:
            InvalidRequestError: What is no pair of strings, or a tensor asked for.
            RerankError: Whatever `rerank` raises.
        """
        present = {"inputs": inputs, "activation_fn": activation_fn}
        arguments = renamed("predict", present, others, CALL)
        check_unsettable(arguments)
        _check_batch_size(batch_size)
        if convert_to_tensor:
            raise InvalidRequestError(
                "convert_to_tensor is True, and localrank brings no torch.",
                hint="Call torch.from_numpy on the array that predict returns.",
            )
        given = _read(arguments["inputs"])
        single = len(given) > 0 and isinstance(given[0], str)
        pairs = [_pair(pair, index) for index, pair in enumerate([given] if single else given)]
        activated = self._activated(score_pairs_sync(self.model, pairs), arguments["activation_fn"])
        scores = np.asarray(activated, np.float32)
        if single:
            score: np.float32 = scores[0]
            return score
        return scores if convert_to_numpy else list(scores)

    def rank(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None = None,
        return_documents: bool = False,  # noqa: FBT001, FBT002  # sentence-transformers' signature
        *,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,  # noqa: ARG002
        activation_fn: object | None = None,
        **others: Any,
    ) -> list[dict[str, Any]]:
        """Return `{"corpus_id": …, "score": …}` of the best documents, best first, with their `text` if asked for.

        Args:
            query: The text to rank against.
            documents: The texts.
            top_k: How many to return; None means all.
            return_documents: Whether each entry has the document as `text`.
            batch_size: Accepted, checked and not used.
            show_progress_bar: Accepted and not used.
            activation_fn: A Sigmoid or an Identity for this call; None means the model's own.
            others: What else sentence-transformers takes, and old names.

        Raises:
            InvalidRequestError: An argument that would change scores and cannot be had here.
            RerankError: Whatever `rerank` raises.
        """
        arguments = renamed("rank", {"activation_fn": activation_fn}, others, CALL)
        check_unsettable(arguments)
        _check_batch_size(batch_size)
        result = logged(rerank_sync(self.model, query, documents, top_k))
        scores = self._activated([hit.score for hit in result], arguments["activation_fn"])
        entries: list[dict[str, Any]] = []
        for hit, score in zip(result, scores, strict=True):
            text = {"text": hit.document} if return_documents else {}
            entries.append({"corpus_id": hit.index, "score": score, **text})
        return entries

    def _activated(self, scores: list[float], activation_fn: object | None) -> list[float]:
        wanted, kind = _activation(activation_fn), score_kind(self.model)
        if wanted == "sigmoid" and kind == "logit":
            return [sigmoid(score) for score in scores]
        if wanted in {None, {"probability": "sigmoid", "logit": "none"}.get(kind)}:
            return scores
        raise InvalidRequestError(
            f"activation_fn asks for other scores than the {kind} that the model gives.",
            hint="Give activation_fn to the constructor.",
        )


def _check_backend(backend: str, device: Any) -> None:
    check_choice("backend", backend, ("onnx", "torch"))
    on_cpu = device is None or str(device) == "cpu"
    if backend == "onnx" and not on_cpu:
        raise InvalidRequestError(
            f"device is {shortened(repr(device))}, and the backend here is ONNX Runtime on the CPU.",
            hint='Leave device= out, or pass backend="torch".',
        )


def _settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the arguments of sentence-transformers mean for a model here."""
    extra: dict[str, Any] = {}
    for name in ("model_kwargs", "processor_kwargs", "config_kwargs"):
        extra.update(settings_of(name, arguments[name]))
    longest = arguments["max_length"]
    return {
        "max_length": extra.get("max_length") if longest is None else longest,
        "activation": _activation(arguments["activation_fn"]),
        "cache_dir": arguments["cache_folder"],
    }


def _model(name: Any, backend: str, given: dict[str, Any]) -> AnyReranker:
    """Return the model of a name or folder with the settings given, or the reranker that was passed."""
    if name is not None and not isinstance(name, (str, Path)):
        if given:
            raise InvalidRequestError(
                f"{', '.join(given)} cannot be set on a reranker that is made already.",
                hint="Give them to its constructor.",
            )
        return resolve(name)
    if isinstance(name, str) and not name.strip():
        raise no_name(name)
    embedded = DEFAULT_MODEL.partition(":")[2]
    string = f"{backend}:{embedded if name is None else name}"
    if backend == "torch":
        given = {**given, "dtype": "fp32"}  # as sentence-transformers computes, so that scores are the same
    return make_model(string, given) if given else resolve(string)


def _activation(activation_fn: object | None) -> str | None:
    if activation_fn is None:
        return None
    name = activation_fn.__name__ if isinstance(activation_fn, type) else type(activation_fn).__name__
    if name not in _ACTIVATIONS:
        raise InvalidRequestError(f"activation_fn is a {name}.", hint="Pass a Sigmoid, an Identity or None.")
    return _ACTIVATIONS[name]


def _check_batch_size(batch_size: Any) -> None:
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size <= 0:
        raise InvalidRequestError(f"batch_size is {batch_size!r}.", hint="Pass a positive integer.")


def _read(inputs: Any) -> tuple[Any, ...]:
    if is_table(inputs):
        return _rows(inputs)
    if isinstance(inputs, (str, bytes, Mapping)) or not isinstance(inputs, Iterable):
        raise InvalidRequestError(
            f"inputs is of type {type(inputs).__name__}.", hint="Pass pairs of (query, document)."
        )
    try:
        return tuple(inputs)
    except Exception as error:
        raise InvalidRequestError(
            f"inputs, of type {type(inputs).__name__}, could not be read to the end: {type(error).__name__}.",
            hint="Pass a list of pairs.",
        ) from error


def _rows(table: Any) -> tuple[Any, ...]:
    kind = type(table)
    in_arrow = hasattr(kind, "to_pylist")
    if not in_arrow and not hasattr(kind, "to_numpy"):
        raise InvalidRequestError(
            f"inputs is of type {kind.__name__}, which has no rows yet.",
            hint="Pass a table in memory, such as table.collect().",
        )
    columns = len(table.columns)
    if columns != 2:
        raise InvalidRequestError(
            f"inputs is of type {kind.__name__}, and the number of its columns is {columns}.",
            hint='Pass two of them, the query first, such as table[["query", "text"]].',
        )
    if in_arrow:
        return tuple(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return tuple(table.to_numpy().tolist())


def _pair(pair: Any, index: int) -> tuple[str, str]:
    parts = () if isinstance(pair, (str, bytes, Mapping)) or not isinstance(pair, Iterable) else tuple(pair)
    if len(parts) != 2 or not all(isinstance(text, str) for text in parts):
        raise InvalidRequestError(
            f"inputs[{index}] is {shortened(repr(pair))}.",
            hint="Pass pairs of two strings: (query, document).",
        )
    return plain(parts[0]), plain(parts[1])
