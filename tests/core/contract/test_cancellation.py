"""The abort token: any object with `is_set()`."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest
import trio

from localrank.contract.cancellation import AbortToken, LinkedToken, is_aborted, raise_if_aborted
from localrank.contract.errors import RerankAbortedError


@pytest.mark.parametrize("make", [anyio.Event, asyncio.Event, trio.Event, threading.Event, LinkedToken])
def test_every_event_is_a_token(make: type) -> None:
    token = make()

    assert isinstance(token, AbortToken)
    assert not is_aborted(token)
    token.set()
    assert is_aborted(token)


def test_no_token_is_never_aborted() -> None:
    raise_if_aborted(None)

    assert not is_aborted(None)


def test_a_set_token_raises_with_the_phase() -> None:
    token = threading.Event()
    token.set()

    with pytest.raises(RerankAbortedError) as caught:
        raise_if_aborted(token, "waiting")

    assert caught.value.phase == "waiting"


def test_a_linked_token_follows_the_outer_one_and_leaves_it_alone() -> None:
    outer = threading.Event()
    linked, other = LinkedToken(outer), LinkedToken(outer)

    linked.set()
    assert (linked.is_set(), outer.is_set(), other.is_set()) == (True, False, False)

    outer.set()
    assert other.is_set()
