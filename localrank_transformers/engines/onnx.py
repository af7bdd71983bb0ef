"""ONNX Runtime: one session a model, run from many threads, each run stoppable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from localrank.contract.errors import InferenceError, InvalidRequestError, ModelLoadError
from localrank_transformers.engines.wide_session import WIDE_FROM_TOKENS, WideSession
from localrank_transformers.tokenization import Row

__all__ = ["OnnxEngine", "OnnxRequest", "all_outputs", "available_providers", "runtime_version"]

SLOW_FUSION = "SkipLayerNormFusion"
"""On a CPU the fused node takes about five times as long as the Add and LayerNormalization it replaces."""

_FEEDS = ("input_ids", "attention_mask", "token_type_ids")
_SILENT = 4
_INTEGERS: dict[str, type[np.integer[Any]]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class OnnxEngine:
    """A loaded graph.

    Args:
        onnx: A path, or the bytes of a graph.
        pad_id: What fills the rows of a padded group.
        couples_rows: Whether rows of one run change each other's logits, as dynamic quantization does.
        execution_providers: ONNX Runtime's device plug-ins in order of preference; None means the CPU.

    Raises:
        InvalidRequestError: An execution provider that this ONNX Runtime does not have.
        ModelLoadError: The file is no graph, or declares an input that no pair of texts has.
    """

    def __init__(
        self,
        onnx: Path | bytes,
        *,
        pad_id: int,
        couples_rows: bool = False,
        execution_providers: Sequence[str] | None = None,
    ) -> None:
        providers = _checked_providers(execution_providers)
        on_cpu = execution_providers is None
        try:
            self._session = _session(onnx, providers, 1, on_cpu=on_cpu)
        except Exception as error:
            label = "the graph" if isinstance(onnx, bytes) else repr(str(onnx))
            raise ModelLoadError(
                f"ONNX Runtime cannot load {label}: {_first_line(error)}.",
                hint="The file may be incomplete; copy or export it again.",
            ) from error
        self._inputs = {given.name: _dtype(given.type) for given in self._session.get_inputs()}
        unknown = [name for name in self._inputs if name not in _FEEDS]
        if unknown:
            raise ModelLoadError(
                f"The graph wants the input {unknown[0]!r}, which a cross-encoder's pair does not have."
            )
        self._pad_id = pad_id
        self._couples_rows = couples_rows
        spreads = on_cpu and not couples_rows and isinstance(onnx, Path)
        self._wide = WideSession(partial(_session, onnx, providers, on_cpu=on_cpu)) if spreads else None
        names = [given.name for given in self._session.get_outputs()]
        self._output = "logits" if "logits" in names else names[0]

    @property
    def may_group(self) -> bool:
        """Whether rows may run together without changing each other's logits."""
        return not self._couples_rows

    @property
    def may_pad(self) -> bool:
        """Whether rows of different lengths may run together: only a mask tells the graph what is padding."""
        return "attention_mask" in self._inputs

    def request(self, threads: int = 1) -> OnnxRequest:
        """Return a handle for the runs of one call, which one assignment stops.

        Args:
            threads: What a run of one long row may take where that is faster.
        """
        wide = self._wide if threads > 1 else None
        return OnnxRequest(
            self._session, self._inputs, self._output, self._pad_id, wide=wide, threads=threads
        )

    def settle(self) -> None:
        """Wait until no session is being made in the background, and make none from now on."""
        if self._wide is not None:
            self._wide.settle()


class OnnxRequest:
    """The runs of one call. A stopped handle stays stopped: take a new one for the next call."""

    def __init__(
        self,
        session: ort.InferenceSession,
        inputs: dict[str, type[np.integer[Any]]],
        output: str,
        pad_id: int,
        *,
        wide: WideSession[ort.InferenceSession] | None,
        threads: int,
    ) -> None:
        self._session = session
        self._wide = wide
        self._threads = threads
        self._inputs = inputs
        self._output = output
        self._pad_id = pad_id
        self._options = ort.RunOptions()
        self._options.log_severity_level = _SILENT
        self._stopped = False

    def stop(self) -> None:
        """End every run of this handle at its next node, and refuse new ones. Safe from any thread."""
        self._stopped = True
        self._options.terminate = True

    def run(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        """Return the logits of `rows`, shape (rows, labels).

        Raises:
            InferenceError: The runtime failed, or the handle was stopped.
        """
        feed = {name: _batch(name, rows, dtype, self._pad_id) for name, dtype in self._inputs.items()}
        try:
            logits: npt.NDArray[Any] = self._session_for(rows).run([self._output], feed, self._options)[0]
        except Exception as error:
            reason = "the run was stopped" if self._stopped else _first_line(error)
            raise InferenceError(f"ONNX Runtime failed: {reason}") from error
        return logits

    def _session_for(self, rows: Sequence[Row]) -> ort.InferenceSession:
        if self._wide is None or len(rows) > 1 or len(rows[0].ids) < WIDE_FROM_TOKENS:
            return self._session
        return self._wide.get(self._threads) or self._session


def all_outputs(
    onnx: bytes, names: Sequence[str], rows: Iterable[Row]
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Yield the named outputs of a graph for each row on its own; calibration looks at what lies between layers."""
    session = ort.InferenceSession(
        onnx, _session_options(on_cpu=True, threads=1), providers=["CPUExecutionProvider"]
    )
    inputs = {given.name: _dtype(given.type) for given in session.get_inputs()}
    for row in rows:
        feed = {name: _batch(name, [row], dtype, 0) for name, dtype in inputs.items()}
        yield dict(zip(names, session.run(list(names), feed), strict=True))


def available_providers() -> list[str]:
    """Return the execution providers of the installed ONNX Runtime."""
    return list(ort.get_available_providers())


def runtime_version() -> str:
    """Return the version of the installed ONNX Runtime."""
    return str(ort.__version__)


def _session(onnx: Path | bytes, providers: list[str], threads: int, *, on_cpu: bool) -> ort.InferenceSession:
    return ort.InferenceSession(
        onnx if isinstance(onnx, bytes) else str(onnx),
        _session_options(on_cpu=on_cpu, threads=threads),
        providers=providers,
        disabled_optimizers=[SLOW_FUSION],
    )


def _session_options(*, on_cpu: bool, threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    if on_cpu:
        # Beyond it are layouts of convolutions: nothing for a text model but a third of the load time.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A thread that spins between runs takes a core from everybody else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False
    options.log_severity_level = _SILENT
    return options


def _checked_providers(wanted: Sequence[str] | None) -> list[str]:
    if wanted is None:
        return ["CPUExecutionProvider"]
    missing = [name for name in wanted if name not in ort.get_available_providers()]
    if missing:
        raise InvalidRequestError(
            f"The execution provider {missing[0]!r} is not in the installed ONNX Runtime.",
            hint=f"It has {', '.join(ort.get_available_providers())}; "
            "`pip install onnxruntime-gpu` brings CUDA.",
        )
    return list(wanted)


def _dtype(onnx_type: str) -> type[np.integer[Any]]:
    return _INTEGERS.get(onnx_type, np.int64)


def _batch(name: str, rows: Sequence[Row], dtype: type[np.integer[Any]], pad_id: int) -> npt.NDArray[Any]:
    fill = pad_id if name == "input_ids" else 0
    batch = np.full((len(rows), max(len(row.ids) for row in rows)), fill, dtype=dtype)
    for place, row in enumerate(rows):
        length = len(row.ids)
        if name == "attention_mask":
            batch[place, :length] = 1 if row.attended is None else row.attended
        else:
            batch[place, :length] = row.ids if name == "input_ids" else row.types
    return batch


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
