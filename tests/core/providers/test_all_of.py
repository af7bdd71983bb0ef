"""Work side by side ends whole, or with the first failure as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest

from localrank.providers.all_of import all_of
from tests.support.cancelled_work import fails_while_it_is_cancelled

pytestmark = pytest.mark.anyio


async def fails() -> None:
    await anyio.sleep(0.01)
    raise ValueError("first")


async def test_all_end() -> None:
    ended: list[int] = []

    async def end() -> None:
        await anyio.lowlevel.checkpoint()
        ended.append(1)

    await all_of([end] * 3)

    assert ended == [1, 1, 1]


async def test_the_first_failure_stops_the_others_and_is_raised_as_it_is() -> None:
    with pytest.raises(ValueError, match="first"):
        await all_of([anyio.sleep_forever, fails])


async def test_what_the_others_say_on_their_way_out_does_not_count() -> None:
    with pytest.raises(ValueError, match="first"):
        await all_of([fails_while_it_is_cancelled, fails])


async def test_the_hosts_cancellation_passes_unchanged() -> None:
    with anyio.move_on_after(0.01) as scope:
        await all_of([anyio.sleep_forever] * 2)

    assert scope.cancelled_caught


async def fails_at_once_while_it_is_cancelled() -> None:
    try:
        await anyio.sleep_forever()
    finally:
        raise OSError("second")


@pytest.mark.parametrize("work", [fails_while_it_is_cancelled, fails_at_once_while_it_is_cancelled])
async def test_the_hosts_cancellation_passes_where_all_fail_on_their_way_out(
    work: Callable[[], Awaitable[None]],
) -> None:
    with anyio.move_on_after(0.01) as scope:
        await all_of([work] * 2)

    assert scope.cancelled_caught


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_what_ends_programs_is_raised_as_it_is() -> None:  # on asyncio it ends the loop
    async def ends() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        await all_of([ends, anyio.sleep_forever])
