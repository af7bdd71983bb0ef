"""So many places in an event loop, given in the order of asking; more of them where all stand still."""

from __future__ import annotations

from collections import deque

import anyio
from anyio.lowlevel import RunVar

from localrank.providers.forking import renew_after_fork

__all__ = ["Places", "loop_places"]

AT_FIRST = 64
STANDSTILL_S = 0.05


class _Waiting:
    """One who waits: whether there is a place now, and what wakes it."""

    __slots__ = ("has_place", "wake")

    def __init__(self) -> None:
        self.has_place = False
        self.wake = anyio.Event()


class Places:
    """Belongs to one event loop.

    Who has a place may wait for somebody who has none yet (a synchronous reranker that itself calls `rerank_sync`). So when
    none was given back for 50 ms and somebody waits, their number doubles; it falls again as they are given back.

    Args:
        count: How many there are at first.
    """

    def __init__(self, count: int = AT_FIRST) -> None:
        self.count = count
        self._least = count
        self._free = count
        self._waiting: deque[_Waiting] = deque()
        renew_after_fork(self, Places._renew)

    async def take(self) -> None:
        """Wait for a place and take it; `give_back` ends that."""
        if self._free and not self._waiting:
            self._free -= 1
            return
        me = _Waiting()
        self._waiting.append(me)
        try:
            while not me.has_place:
                await self._wait(me)
        except BaseException:
            self._give_up(me)
            raise

    def give_back(self) -> None:
        """Give a place back, to who has waited longest."""
        if self._waiting:
            self._give()
        elif self.count > self._least:
            self.count -= 1
        else:
            self._free += 1

    async def _wait(self, me: _Waiting) -> None:
        me.wake = anyio.Event()
        is_next = self._waiting[0] is me
        with anyio.move_on_after(STANDSTILL_S if is_next else None) as scope:
            await me.wake.wait()
        if scope.cancelled_caught and not me.has_place:
            self._grow()

    def _grow(self) -> None:
        more, self.count = self.count, self.count * 2
        for _ in range(min(more, len(self._waiting))):
            more -= 1
            self._give()
        self._free += more

    def _give(self) -> None:
        first = self._waiting.popleft()
        first.has_place = True
        first.wake.set()
        self._wake_next()

    def _wake_next(self) -> None:
        if self._waiting:
            self._waiting[0].wake.set()

    def _give_up(self, me: _Waiting) -> None:
        if me.has_place:
            self.give_back()
        else:
            self._waiting.remove(me)
            self._wake_next()

    def _renew(self) -> None:
        self.count = self._free = self._least
        self._waiting.clear()


_places: RunVar[Places] = RunVar("localrank_places")


def loop_places() -> Places:
    """Return the places of the running event loop."""
    try:
        return _places.get()
    except LookupError:
        places = Places()
        _places.set(places)
        return places
