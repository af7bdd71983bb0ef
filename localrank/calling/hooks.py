"""Tell a call's hooks what happens, so that a failing hook never breaks the call."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from localrank.contract.cancellation import POLL_INTERVAL_S
from localrank.contract.errors import InvalidRequestError
from localrank.contract.events import CallEnded, CallFailed, CallProgress, CallStarted, Hook
from localrank.contract.types import RerankResult
from localrank.providers.beside import ENDS_PROGRAMS, is_main_thread

__all__ = ["Announcer", "Hooks"]

logger = logging.getLogger("localrank")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Hooks:
    """The caller's four hooks; each may be sync, async or None."""

    on_start: Hook[CallStarted] | None = None
    on_end: Hook[CallEnded] | None = None
    on_error: Hook[CallFailed] | None = None
    on_progress: Hook[CallProgress] | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            hook = getattr(self, name)
            if hook is not None and not callable(hook):
                raise InvalidRequestError(
                    f"{name} is of type {type(hook).__name__}.", hint="Pass a function or None."
                )


@dataclass(slots=True, eq=False, repr=False)
class Announcer:
    """Makes the events of one call and hands them to its hooks."""

    hooks: Hooks
    provider: str
    model_id: str
    pair_index: int | None = None
    call_id: str = field(default_factory=lambda: f"call-{os.urandom(12).hex()}")
    _progress: tuple[int, int] | None = None
    _told: tuple[int, int] | None = None

    async def started(self, document_count: int, top_k: int | None) -> None:
        """Announce that the call begins."""
        if self.hooks.on_start:
            await self._tell(
                self.hooks.on_start,
                CallStarted(*self._who, document_count, top_k, pair_index=self.pair_index),
            )

    async def ended(self, result: RerankResult[Any]) -> None:
        """Announce the result, after what progress is still untold."""
        await self._tell_progress()
        if self.hooks.on_end:
            await self._tell(self.hooks.on_end, CallEnded(*self._who, result, pair_index=self.pair_index))

    async def failed(self, error: Exception) -> None:
        """Announce the error."""
        if self.hooks.on_error:
            await self._tell(self.hooks.on_error, CallFailed(*self._who, error, pair_index=self.pair_index))

    def report_progress(self, done: int, total: int) -> None:
        """Note how far the model is; safe from any thread. The hook hears the latest figures from the event loop."""
        self._progress = (done, total)

    async def pump_progress(self) -> None:
        """Tell the progress hook of new figures, for as long as the call runs."""
        while True:
            await anyio.sleep(POLL_INTERVAL_S)
            await self._tell_progress()

    @property
    def _who(self) -> tuple[str, str, str]:
        return self.call_id, self.provider, self.model_id

    async def _tell_progress(self) -> None:
        latest = self._progress
        if self.hooks.on_progress and latest is not None and latest != self._told:
            self._told = latest
            await self._tell(
                self.hooks.on_progress, CallProgress(*self._who, *latest, pair_index=self.pair_index)
            )

    async def _tell(self, hook: Callable[[Any], Any], event: object) -> None:
        try:
            outcome = hook(event)
            if inspect.isawaitable(outcome):
                await outcome
        except Exception:
            logger.warning("A hook for %s failed.", type(event).__name__, exc_info=True)
        except ENDS_PROGRAMS:
            if is_main_thread():
                raise
            # it would end the loop that other calls share
            logger.warning("A hook for %s failed.", type(event).__name__, exc_info=True)
