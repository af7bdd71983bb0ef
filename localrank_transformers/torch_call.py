"""One call of a torch model in its thread: wait for the model, rank, say what was chosen. Plain synchronous code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from localrank.contract.cancellation import POLL_INTERVAL_S, raise_if_aborted
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank.contract.types import RerankUsage
from localrank.providers.answers import sort_and_cut, unscored, unscored_warning
from localrank.providers.remarks import unread_options
from localrank_transformers.torch_loaded import TorchLoaded
from localrank_transformers.torch_watch import Watch

__all__ = ["TorchCall"]


class TorchCall:
    """Ranks one request with a model that `get_model` hands over, loading it where need be.

    Args:
        get_model: Returns the model and the milliseconds waited for it.
        options: The request.
    """

    def __init__(self, get_model: Callable[[], tuple[TorchLoaded, float]], options: DoRerankOptions) -> None:
        self._get_model = get_model
        self._options = options
        self._watch = Watch(options.abort_event, options.deadline)

    def stop(self) -> None:
        """Make `run` end within a layer's time; called from the event loop when its task is cancelled."""
        self._watch.token.set()

    def run(self) -> DoRerankResult:
        """Return the ranking.

        Raises:
            RerankAbortedError: The token was set.
            ModelLoadError: The model cannot be loaded.
            InferenceError: torch failed.
        """
        model, load_ms = self._get_model()
        raise_if_aborted(self._watch.token)
        result = self._rank(model)
        raise_if_aborted(self._watch.token)
        usage = result.usage or RerankUsage()
        return replace(
            result,
            usage=replace(usage, duration_ms=self._watch.elapsed_ms() - load_ms, load_ms=load_ms),
            warnings=[*result.warnings, *unread_options(self._options, "torch")],
            provider_metadata={"torch": model.chosen},
        )

    def _rank(self, model: TorchLoaded) -> DoRerankResult:
        """Rank while no other call of this model computes; a call that is stopped in the queue leaves it."""
        while not model.lock.acquire(timeout=POLL_INTERVAL_S):
            if self._watch.should_stop():
                return _nothing(self._options)
        try:
            with model.runtime.watching(self._watch.should_stop):
                return model.family.rank(self._options, self._watch)
        finally:
            model.lock.release()


def _nothing(options: DoRerankOptions) -> DoRerankResult:
    count = len(options.documents)
    return DoRerankResult(
        sort_and_cut(unscored(range(count)), options.top_k), warnings=[unscored_warning(0, count)]
    )
