"""ONNX Runtime: one session a model, run from many threads, each run stoppable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import InferenceError, InvalidRequestError, ModelLoadError
from localrank.contract.texts import first_line
from localrank.providers.extras import missing
from localrank_transformers.call.contract import Grouping
from localrank_transformers.call.planner import PACKED_DOCUMENTS
from localrank_transformers.engines.onnx.finite import not_finite
from localrank_transformers.engines.onnx.wide_session import WIDE_FROM_TOKENS, WideSession
from localrank_transformers.engines.packing import IDS, LENGTHS, POSITIONS, TYPES, packed_feed, parts
from localrank_transformers.models.onnx_file.content import identity, may_stay_mapped
from localrank_transformers.models.onnx_file.inputs import FixedShape
from localrank_transformers.models.onnx_file.mapped import held_graph, mapped_graph
from localrank_transformers.models.onnx_file.producer import is_ours

try:
    import onnxruntime as ort
except ModuleNotFoundError as error:
    if error.name != "onnxruntime":
        raise
    raise missing("What the compiled kernels do not run", "onnxruntime", None) from None

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Row

__all__ = ["OnnxEngine", "OnnxRequest", "all_outputs", "available_providers", "runtime_version"]

SLOW_FUSIONS = ["SkipLayerNormFusion", "BiasGeluFusion"]
"""On a CPU the first node takes about five times as long as the Add and LayerNormalization it replaces; the second one 10 µs a
token of 6 layers of 384, Add and Gelu apart 7."""

_FROM_MEMORY = "add_external_initializers_from_files_in_memory"
_FOLDER_OF_WEIGHTS = "session.model_external_initializers_file_folder_path"
_MASK = "attention_mask"
_FEEDS = (IDS, _MASK, TYPES)
_PACKED_FEEDS = (IDS, POSITIONS, TYPES, LENGTHS)
_SILENT = 4
_CPU = ("CPUExecutionProvider",)
_INTEGERS: dict[str, type[np.integer[Any]]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


_FREE = FixedShape()

Feed = dict[str, npt.NDArray[Any]]
Inputs = dict[str, type[np.integer[Any]]]


class OnnxEngine:
    """A loaded graph.

    Args:
        onnx: A path, or the bytes of a graph.
        pad_id: What fills the rows of a padded group.
        int8: Whether products run in int8. In a graph that is not packed their ranges are taken from a whole run, so rows of
            one run would change each other's logits.
        execution_providers: ONNX Runtime's device plug-ins in order of preference; None means the CPU.
        is_kept: Whether the file is replaced and never written over, so that its weights may stay mapped; else they are read.

    Raises:
        InvalidRequestError: An execution provider that this ONNX Runtime does not have.
        ModelLoadError: The file is no graph, declares an input that no pair of texts has, or rows that cannot be filled up.
    """

    def __init__(
        self,
        onnx: Path | bytes,
        *,
        pad_id: int,
        int8: bool = False,
        execution_providers: Sequence[str] | None = None,
        is_kept: bool = False,
    ) -> None:
        providers = _checked_providers(execution_providers)
        on_cpu = tuple(providers) == _CPU
        make = partial(_session, onnx, providers, on_cpu=on_cpu, is_kept=is_kept)
        try:
            made_of = identity(onnx) if isinstance(onnx, Path) else None
            self._session = make(1)
        except Exception as error:
            label = "the graph" if isinstance(onnx, bytes) else repr(str(onnx))
            raise ModelLoadError(
                f"ONNX Runtime cannot load {label}: {first_line(error)}.",
                hint="The file may be incomplete; copy or export it again.",
            ) from error
        self._inputs = _inputs_of(self._session)
        self._packed = _is_packed(self._inputs)
        unknown = [name for name in self._inputs if name not in (_PACKED_FEEDS if self._packed else _FEEDS)]
        if unknown:
            raise ModelLoadError(
                f"The graph wants the input {unknown[0]!r}, which a cross-encoder's pair does not have."
            )
        self._shape = _shape_of(self._session)
        if self._shape.width is not None and _MASK not in self._inputs:
            raise ModelLoadError(
                f"The graph wants rows of exactly {self._shape.width} tokens and has no {_MASK}, so that a shorter text cannot "
                "be filled up.",
                hint="Export it with dynamic axes.",
            )
        self._pad_id = pad_id
        self._int8 = int8
        spreads = on_cpu and not int8 and isinstance(onnx, Path)
        self._wide = WideSession(partial(_again, make, onnx, made_of)) if spreads else None
        names = [given.name for given in self._session.get_outputs()]
        self._output = "logits" if "logits" in names else names[0]
        self._not_finite = None
        if isinstance(onnx, Path) and is_ours(onnx):
            self._not_finite = not_finite(onnx, int8=int8)

    @property
    def grouping(self) -> Grouping:
        """How rows may share a run without changing each other's numbers."""
        if self._packed:
            return "packed"
        if self._int8 or self._shape.rows is not None:
            return "alone"
        return "padded" if _MASK in self._inputs else "equal"

    def request(self, threads: int = 1, *, alone: bool = True) -> OnnxRequest:
        """Return a handle for the runs of one call, which one assignment stops.

        Args:
            threads: What a run of one long row may take where that is faster.
            alone: Whether the call never runs two at once: otherwise each takes one thread.

        Raises:
            InferenceError: A weight is not finite, which a graph in int8 would hide.
        """
        if self._not_finite is not None:
            raise InferenceError(
                f"A weight of the model is not finite: {self._not_finite!r} holds NaN or infinity.",
                hint="Fetch or export the model again; a training that diverged leaves such weights.",
            )
        wide = self._wide if threads > 1 and alone else None
        feed = partial(_feed, self._inputs, pad_id=self._pad_id, shape=self._shape)
        return OnnxRequest(self._session, feed, self._output, packed=self._packed, wide=wide, threads=threads)

    def settle(self) -> None:
        """Wait until no session is being made in the background, and make none from now on."""
        if self._wide is not None:
            self._wide.settle()


class OnnxRequest:
    """The runs of one call. A stopped handle stays stopped: take a new one for the next call."""

    def __init__(
        self,
        session: ort.InferenceSession,
        feed: Callable[[Sequence[Row]], Feed],
        output: str,
        *,
        packed: bool,
        wide: WideSession[ort.InferenceSession] | None,
        threads: int,
    ) -> None:
        self._session = session
        self._wide = wide
        self._threads = threads
        self._feed = feed
        self._output = output
        self._packed = packed
        self._options = ort.RunOptions()
        self._options.log_severity_level = _SILENT
        self._stopped = False

    def stop(self) -> None:
        """End every run of this handle at its next node, and refuse new ones. Safe from any thread."""
        self._stopped = True
        self._options.terminate = True

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def run(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        """Return the logits of `rows`, shape (rows, labels).

        Raises:
            InferenceError: The runtime failed, or the handle was stopped.
        """
        if not self._packed:
            return self._output_of(rows)[: len(rows)]
        runs = [self._output_of(shared)[: len(shared)] for shared in _shared(rows)]
        return runs[0] if len(runs) == 1 else np.concatenate(runs)

    def vectors(self, rows: Sequence[Row], *, alone: bool = False) -> list[npt.NDArray[Any]]:  # noqa: ARG002  # short rows gain nothing
        """Return the vectors of each row's tokens, shape (tokens, dimensions) each.

        Raises:
            InferenceError: The runtime failed, or the handle was stopped.
        """
        if self._packed:
            return [vectors for shared in _shared(rows) for vectors in parts(self._output_of(shared), shared)]
        output = self._output_of(rows)[: len(rows)]
        return [vectors[: len(row.ids)] for vectors, row in zip(output, rows, strict=True)]

    def _output_of(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        try:
            output: npt.NDArray[Any] = self._session_for(rows).run(
                [self._output], self._feed(rows), self._options
            )[0]
        except Exception as error:
            reason = "the run was stopped" if self._stopped else first_line(error)
            raise InferenceError(f"ONNX Runtime failed: {reason}") from error
        return output

    def _session_for(self, rows: Sequence[Row]) -> ort.InferenceSession:
        if self._wide is None or len(rows) > 1 or len(rows[0].ids) < WIDE_FROM_TOKENS:
            return self._session
        return self._wide.get(self._threads) or self._session


def all_outputs(
    onnx: bytes, names: Sequence[str], rows: Iterable[Row]
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Yield the named outputs of a graph for each row on its own; calibration looks at what lies between layers."""
    session = ort.InferenceSession(onnx, _session_options(on_cpu=True, threads=1), providers=list(_CPU))
    inputs = _inputs_of(session)
    for row in rows:
        yield dict(zip(names, session.run(list(names), _feed(inputs, [row], 0)), strict=True))


def available_providers() -> list[str]:
    """Return the execution providers of the installed ONNX Runtime."""
    return list(ort.get_available_providers())


def runtime_version() -> str:
    """Return the version of the installed ONNX Runtime."""
    return str(ort.__version__)


def _again(
    make: Callable[[int], ort.InferenceSession], onnx: Any, made_of: Any, threads: int
) -> ort.InferenceSession:
    """Make the session a second time, of the same file.

    Raises:
        ModelLoadError: It is another by now.
    """
    if isinstance(onnx, Path) and identity(onnx) != made_of:
        raise ModelLoadError(
            f"{str(onnx)!r} has changed since it was loaded.",
            hint="Make a new reranker, which reads it anew.",
        )
    return make(threads)


def _session(
    onnx: Path | bytes, providers: list[str], threads: int, *, on_cpu: bool, is_kept: bool
) -> ort.InferenceSession:
    options = _session_options(on_cpu=on_cpu, threads=threads)
    if on_cpu and is_ours(onnx):
        # Nothing is left to fuse, and looking for it takes a quarter of the load.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    graph, _held = _weights(onnx, options, on_cpu=on_cpu, is_kept=is_kept)
    # its fallback is to the same provider, with a report on the terminal
    return ort.InferenceSession(
        graph, options, providers=providers, disabled_optimizers=SLOW_FUSIONS, enable_fallback=0
    )


def _weights(
    onnx: Path | bytes, options: ort.SessionOptions, *, on_cpu: bool, is_kept: bool
) -> tuple[str | bytes, list[bytes]]:
    """Return what to make a session of, and what must live until it is made; say in `options` where the weights are."""
    if isinstance(onnx, bytes):
        return onnx, []
    if may_stay_mapped(onnx, is_kept=is_kept):
        mapped = mapped_graph(onnx) if on_cpu else None
        if mapped is None:
            return str(onnx), []
        options.add_session_config_entry(_FOLDER_OF_WEIGHTS, str(mapped[1]))
        return mapped[0], []
    if not hasattr(options, _FROM_MEMORY):  # before 1.24: external data are mapped, a graph itself is read
        return str(onnx), []
    read = held_graph(onnx)
    names, contents = list(read.files), list(read.files.values())
    if names:
        getattr(options, _FROM_MEMORY)(names, contents, [len(one) for one in contents])
    return read.graph, contents


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
        return list(_CPU)
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


def _shape_of(session: ort.InferenceSession) -> FixedShape:
    shapes = [given.shape for given in session.get_inputs() if given.name in _FEEDS and len(given.shape) == 2]
    rows, width = ([size[place] for size in shapes if isinstance(size[place], int)] for place in (0, 1))
    return FixedShape(min(rows, default=None), min(width, default=None))


def _inputs_of(session: ort.InferenceSession) -> Inputs:
    return {given.name: _dtype(given.type) for given in session.get_inputs()}


def _is_packed(inputs: Inputs) -> bool:
    return {POSITIONS, LENGTHS} <= inputs.keys()


def _feed(inputs: Inputs, rows: Sequence[Row], pad_id: int, shape: FixedShape = _FREE) -> Feed:
    if _is_packed(inputs):
        return packed_feed(rows, with_types=TYPES in inputs)
    if shape.rows is not None:  # the first row once more, since a row of nothing has no softmax
        rows = [*rows, *[rows[0]] * (shape.rows - len(rows))]
    return {name: _batch(name, rows, dtype, pad_id, shape.width) for name, dtype in inputs.items()}


def _shared(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), PACKED_DOCUMENTS):
        yield rows[start : start + PACKED_DOCUMENTS]


def _batch(
    name: str, rows: Sequence[Row], dtype: type[np.integer[Any]], pad_id: int, width: int | None
) -> npt.NDArray[Any]:
    fill = pad_id if name == IDS else 0
    batch = np.full((len(rows), width or max(len(row.ids) for row in rows)), fill, dtype=dtype)
    for at, row in enumerate(rows):
        length = len(row.ids)
        if name == _MASK:
            batch[at, :length] = 1 if row.attended is None else row.attended
        else:
            batch[at, :length] = row.ids if name == IDS else row.types
    return batch
