"""The device of a torch model: batches one after another, passes that can be left between two layers, failures in our words."""

from __future__ import annotations

import gc
import inspect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from localrank.contract.cancellation import POLL_INTERVAL_S
from localrank.contract.errors import InferenceError, RerankError
from localrank.contract.texts import first_line
from localrank.contract.types import RerankWarning
from localrank.providers.forking import RenewedLock, hold_off_forks, let_forks_through
from localrank_transformers.call.contract import Family
from localrank_transformers.call.deadline import OutOfMemoryError, StoppedError
from localrank_transformers.call.planner import batches, bucketed
from localrank_transformers.engines.torch.device import Placement

__all__ = [
    "CPU_BATCH_TOKENS",
    "BatchRunner",
    "TorchRuntime",
    "cache_argument",
    "cache_of",
    "check_finite",
    "likeliest",
]

T = TypeVar("T")

CPU_BATCH_TOKENS = 1_024

_MODULES_AHEAD = 16
"""On a GPU, modules that may be queued before the oldest has run: about two layers, so that leaving a pass is quick."""


class TorchRuntime:
    """The device of one model, which computes for one call at a time; see `Device`.

    Args:
        placement: Device and precision.
        batch_tokens: Padded tokens of a batch; halved for good once a batch did not fit into memory.
    """

    def __init__(self, placement: Placement, batch_tokens: int = CPU_BATCH_TOKENS) -> None:
        self.placement = placement
        self.batch_tokens = batch_tokens
        self._lock = RenewedLock()
        self.attention: str | None = None
        self.has_few_widths = placement.device.type == "mps"
        self._should_stop: Callable[[], bool] | None = None
        self._queued: deque[Any] = deque()

    def adopt(self, module: Any, *, with_hooks: bool = True) -> Any:
        """Move `module` to the device, ready for passes that can be stopped (with hooks), and return it."""
        self.attention = getattr(module.config, "_attn_implementation", None)
        module.eval().requires_grad_(requires_grad=False)
        module.to(device=self.placement.device)
        for part in module.modules() if with_hooks else ():
            if next(part.parameters(recurse=False), None) is not None:
                part.register_forward_pre_hook(self._before_module)
        return module

    def begin(self, engine: Any, _family: Family, _documents: int) -> BatchRunner:
        """Return a runner for one pass over the documents of a call."""
        return BatchRunner(self, engine)

    @contextmanager
    def turn(self, should_stop: Callable[[], bool]) -> Iterator[None]:
        """Wait until no other call computes; inside this context passes are left when `should_stop` says so.

        Raises:
            StoppedError: It said so in the queue.
        """
        while not self._lock.acquire(timeout=POLL_INTERVAL_S):
            if should_stop():
                raise StoppedError
        self._should_stop = should_stop
        try:
            with hold_off_forks():
                yield
        finally:
            self._should_stop = None
            self._queued.clear()
            self._lock.release()

    def release(self) -> None:
        """Hand the memory of a model that is let go back to the device, once no call computes."""
        with self._lock:
            self.release_memory()

    def run(self, forward: Callable[[], T]) -> T:
        """Return what `forward` computes, without gradients; what fails is raised as an error that holds no tensors.

        Raises:
            StoppedError: The pass was left.
            OutOfMemoryError: The device has too little memory.
            InferenceError: Anything else that torch raised.
        """
        try:
            with torch.inference_mode():
                return forward()
        except RerankError:
            raise
        except Exception as error:
            failure = _in_our_words(error)
        # Raised out here: an error under way keeps the frames of the pass alive, and their tensors with them.
        self._queued.clear()
        self.release_memory()
        raise failure

    def padded(
        self, rows: Sequence[npt.NDArray[np.int64]], *, fill: int, limit: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Return `rows` as one array, filled up with `fill` on the right to the longest, or on MPS to one of few widths.

        Args:
            rows: Ids, or what belongs to them; at least one row.
            fill: What stands behind a row.
            limit: The positions of the model, where it has a table of them.
        """
        width = max(len(row) for row in rows)
        if self.has_few_widths:
            width = bucketed(width, limit)
        table = np.full((len(rows), width), fill, dtype=np.int64)
        for at, row in enumerate(rows):
            table[at, : len(row)] = row
        return table

    def tensor(self, values: npt.NDArray[Any]) -> torch.Tensor:
        """Return `values` on the device."""
        return torch.from_numpy(values).to(self.placement.device, non_blocking=True)

    def numbers(self, values: torch.Tensor) -> npt.NDArray[np.float32]:
        """Return `values` as float32 numbers, once the device has computed them."""
        result: npt.NDArray[np.float32] = values.float().cpu().numpy()
        return result

    def release_memory(self) -> None:
        """Hand what torch keeps in reserve back to the device."""
        if self.placement.device.type == "cpu":
            return
        gc.collect()
        torch.get_device_module(self.placement.device).empty_cache()

    def _before_module(self, _module: Any, _arguments: Any) -> None:
        let_forks_through()
        if self._should_stop is not None and self._should_stop():
            raise StoppedError
        if self.placement.device.type == "cuda":
            self._wait_for_the_oldest()

    def _wait_for_the_oldest(self) -> None:
        event = torch.cuda.Event()
        event.record()
        self._queued.append(event)
        if len(self._queued) > _MODULES_AHEAD:
            self._queued.popleft().synchronize()


class BatchRunner:
    """Runs batches one after another in the calling thread, from its first to its end as the only one; see `Runner`.

    Args:
        runtime: The device.
        engine: Computes.
    """

    deadline_slice = 32

    def __init__(self, runtime: TorchRuntime, engine: Any) -> None:
        self.request = engine
        self._runtime = runtime
        self._is_halved = False
        self._turn: ExitStack | None = None

    def run(
        self,
        work: Sequence[int],
        execute: Callable[[Sequence[int]], None],
        should_stop: Callable[[], bool],
    ) -> bool:
        """Execute batches until none is left; where memory does not suffice, halve them and go on.

        Raises:
            InferenceError: It does not suffice for half as much either, or torch failed.
        """
        left: Sequence[int] = range(len(work))
        try:
            if self._turn is None:
                self._turn = ExitStack()
                self._turn.enter_context(self._runtime.turn(should_stop))
            while left:
                left = self._run_until_full(left, work, execute, should_stop)
        except StoppedError:
            return False
        return True

    def _run_until_full(
        self,
        positions: Sequence[int],
        work: Sequence[int],
        execute: Callable[[Sequence[int]], None],
        should_stop: Callable[[], bool],
    ) -> list[int]:
        """Execute batches of `positions`; return those that are left when memory did not suffice and the budget was halved."""
        lengths = [work[position] for position in positions]
        plan = [
            [positions[at] for at in batch] for batch in batches(lengths, budget=self._runtime.batch_tokens)
        ]
        for done, batch in enumerate(plan):
            let_forks_through()
            if should_stop():
                raise StoppedError
            try:
                execute(batch)
            except OutOfMemoryError as error:
                failure = str(error)
            else:
                continue
            self._halve(failure)
            return [position for rest in plan[done:] for position in rest]
        return []

    def _halve(self, failure: str) -> None:
        if self._is_halved:
            raise InferenceError(
                f"The device has too little memory for {self._runtime.batch_tokens} tokens: {failure}",
                hint="Pass a smaller batch_tokens or max_length, or take a smaller model.",
            )
        self._is_halved = True
        self._runtime.batch_tokens = max(1, self._runtime.batch_tokens // 2)

    def stop(self) -> None:
        """Leave it to `should_stop`, which is asked before each layer."""

    def end(self) -> list[RerankWarning]:
        """Let the next call compute; return the warning for a budget that was halved."""
        if self._turn is not None:
            self._turn.close()
        if not self._is_halved:
            return []
        message = (
            f"A batch did not fit into the device's memory; from now on {self._runtime.batch_tokens} tokens run at once. "
            "Pass batch_tokens to say so from the start."
        )
        return [RerankWarning("out_of_memory", message, feature="batch_tokens")]


def cache_argument(model: Any, cache: Any) -> dict[str, Any]:
    """Return the argument that hands `model` the keys and values computed before: `cache`, or `past_key_values` before 5.24."""
    name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
    return {name: cache, "use_cache": True}


def cache_of(output: Any) -> Any:
    """Return the keys and values that a pass of transformers' hands back, whatever its version calls them."""
    return output["cache"] if "cache" in output else output["past_key_values"]


def likeliest(logits: torch.Tensor) -> torch.Tensor:
    """Return the likeliest next token of each row, shape (rows, 1).

    Args:
        logits: Shape (rows, tokens, vocabulary); the last token's count.

    Raises:
        InferenceError: They are no numbers.
    """
    best, token = logits[:, -1].max(-1, keepdim=True)
    check_finite(best)
    return token


def check_finite(logits: torch.Tensor) -> None:
    """Refuse logits that are no numbers, which would give an order of no meaning.

    Raises:
        InferenceError: One is not finite.
    """
    if not bool(torch.isfinite(logits).all()):
        raise InferenceError(
            "The model computed a logit that is not finite.",
            hint="Its weights may be damaged; or use float32: half precision can overflow.",
        )


def _in_our_words(error: Exception) -> Exception:
    if isinstance(error, StoppedError):
        return StoppedError()
    if isinstance(error, torch.OutOfMemoryError):
        return OutOfMemoryError(first_line(error))
    return InferenceError(f"torch failed: {type(error).__name__}: {first_line(error)}")
