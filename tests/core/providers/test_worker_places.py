"""Places in a loop: given in the order of asking, back again, and more of them where all stand still."""

from __future__ import annotations

import anyio
import pytest

from localrank.providers.worker import Places

pytestmark = pytest.mark.anyio


async def test_who_asked_first_goes_first() -> None:
    places, order = Places(1), list[int]()
    await places.take()

    async def wait(number: int) -> None:
        await places.take()
        order.append(number)
        places.give_back()

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(wait, number)
            await anyio.wait_all_tasks_blocked()
        places.give_back()

    assert order == [0, 1, 2, 3, 4]


async def test_who_gives_up_waiting_keeps_no_place() -> None:
    places = Places(1)
    await places.take()
    with anyio.move_on_after(0.001):
        await places.take()
    places.give_back()

    with anyio.fail_after(5):
        await places.take()


async def test_their_number_grows_where_all_stand_still_and_falls_again() -> None:
    places = Places(2)
    for _ in range(2):
        await places.take()

    with anyio.fail_after(10):
        await places.take()

    assert places.count == 4
    for _ in range(3):
        places.give_back()
    assert places.count == 2


async def test_all_who_wait_for_one_another_get_through() -> None:
    places, ended = Places(2), list[int]()

    async def nested(depth: int) -> None:
        await places.take()
        if depth:
            await nested(depth - 1)
        ended.append(depth)
        places.give_back()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(nested, 3)

    assert len(ended) == 80
