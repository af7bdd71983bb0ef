"""Repeat a call whose error may mend: which errors, how often, and how long to wait in between."""

from __future__ import annotations

import errno
import random as random_module
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

from localrank.contract.errors import (
    InvalidRequestError,
    RerankAbortedError,
    RerankError,
    RerankTimeoutError,
    RetryError,
)
from localrank.providers.annotations import check_types
from localrank.providers.arguments import whole_number

__all__ = [
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_POLICY",
    "RetryPolicy",
    "timed_out",
    "try_again",
    "with_max_retries",
]

T = TypeVar("T")

DEFAULT_MAX_RETRIES = 2
LONGEST_ASKED_WAIT_S = 60.0
"""A server's wish beyond this is answered with our own back-off."""

_LARGEST = sys.float_info.max

_INTERRUPTED = (ConnectionError, TimeoutError, InterruptedError, BlockingIOError, socket.gaierror)
"""Errors of a moment: a lost connection, a signal, a name that could not be resolved just then."""

_PASSING = frozenset(
    getattr(errno, name)
    for name in (
        *("EAGAIN", "EINTR", "EBUSY", "EMFILE", "ENFILE", "ENOBUFS", "ESTALE"),
        *("ENETDOWN", "ENETUNREACH", "ENETRESET", "EHOSTDOWN", "EHOSTUNREACH", "EADDRNOTAVAIL"),
        *("ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "ESHUTDOWN", "EPIPE", "ETIMEDOUT"),
    )
    if hasattr(errno, name)
)
"""What the operating system says of a moment's want: interrupted, busy, out of descriptors, a network that is away."""

_FINAL = (
    *(ArithmeticError, AssertionError, AttributeError, BufferError, ImportError, LookupError, MemoryError),
    *(NameError, NotImplementedError, RecursionError, ReferenceError, StopAsyncIteration, StopIteration),
    *(SyntaxError, SystemError, TypeError, ValueError, Warning),
    *(FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError),
    *(ChildProcessError, ProcessLookupError),
)
"""Errors of the program, its files and its rights, which no second attempt mends."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how a failed call is repeated.

    Only what may mend is repeated; the first that holds counts:

    1. An error with `is_retryable`, as every `RerankError` has it, is repeated where that is true.
    2. A lost connection, a timeout and an `OSError` of a moment (interrupted, busy, too many open files, network unreachable)
       are repeated.
    3. What Python raises for a fault of the program, its files or its rights (`TypeError`, `ZeroDivisionError`,
       `FileNotFoundError`, `PermissionError`, `RecursionError`, any other `OSError` with a number …) is final: it is raised as
       it is, after one attempt. So is a group of errors with one that is final.
    4. Any other error, such as a `RuntimeError` or one of another library that says nothing of itself, is repeated at once.

    The first two wait `initial_delay · factorⁿ` seconds, or what the server asks for where that is at most 60 s.

    Attributes:
        max_retries: Repetitions after the first attempt.
        initial_delay: Seconds before the first repetition.
        factor: Growth of the wait from one repetition to the next.
        jitter: Fraction by which a wait is varied at random, 0 to 1.
        sleep: Awaited with seconds.
        now: A clock in seconds; only differences count.
        random: Returns a number in [0, 1).
    """

    max_retries: int = DEFAULT_MAX_RETRIES
    initial_delay: float = 2.0
    factor: float = 2.0
    jitter: float = 0.0
    sleep: Callable[[float], Awaitable[Any]] = anyio.sleep
    now: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random_module.random

    def __post_init__(self) -> None:
        _check_max_retries(self.max_retries)
        check_types({name: getattr(self, name) for name in ("sleep", "now", "random")}, RetryPolicy)
        for name, most in (("initial_delay", _LARGEST), ("factor", _LARGEST), ("jitter", 1)):
            value: Any = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
                bound = "at least 0" if most == _LARGEST else "0 to 1"
                raise InvalidRequestError(f"{name} is {value!r}.", hint=f"Pass a finite number, {bound}.")

    def delay(self, error: Exception, retry: int) -> float | None:
        """Return the seconds to wait before repetition number `retry` (from 0), or None where the error is final."""
        own = getattr(error, "is_retryable", None)
        if isinstance(error, RerankError) or isinstance(own, bool):
            return self._backoff(error, retry) if own else None
        if isinstance(error, ExceptionGroup):
            delays = [self.delay(inner, retry) for inner in error.exceptions]
            return None if None in delays else max(delay for delay in delays if delay is not None)
        if isinstance(error, _INTERRUPTED) or (isinstance(error, OSError) and error.errno in _PASSING):
            return self._backoff(error, retry)
        return None if isinstance(error, _FINAL) or _is_numbered(error) else 0.0

    def _backoff(self, error: Exception, retry: int) -> float:
        try:
            backoff = self.initial_delay * self.factor**retry
        except OverflowError:
            backoff = _LARGEST if self.initial_delay else 0.0
        backoff *= 1 + self.jitter * (2 * self.random() - 1)
        asked: float | None = getattr(error, "retry_after", None)
        if asked is not None and 0 <= asked <= max(LONGEST_ASKED_WAIT_S, backoff):
            return asked
        return backoff


def _is_numbered(error: Exception) -> bool:
    """Whether the operating system said what is wrong; other libraries derive from `OSError` too, without its number."""
    return isinstance(error, OSError) and error.errno is not None


def _check_max_retries(value: Any) -> int:
    number = whole_number(value)
    if number is None or number < 0:
        raise InvalidRequestError(f"max_retries is {value!r}.", hint="Pass an integer of at least 0.")
    return number


DEFAULT_POLICY = RetryPolicy()
"""Of a call that asks for no other."""


def with_max_retries(policy: RetryPolicy | None, max_retries: int | None) -> RetryPolicy:
    """Return the policy that a call's two arguments mean: `max_retries` given beats the policy's own."""
    given: Any = policy
    if given is not None and not isinstance(given, RetryPolicy):
        raise InvalidRequestError(
            f"retry is of type {type(given).__name__}.", hint="Pass a RetryPolicy, or max_retries=."
        )
    chosen = policy or DEFAULT_POLICY
    if max_retries is None:
        return chosen
    return replace(chosen, max_retries=_check_max_retries(max_retries))


async def try_again(
    attempt: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    error: Exception,
    *,
    began: float,
    timeout: float | None,
    on_wait: Callable[[], AbstractContextManager[None]],
) -> T:
    """Await `attempt` until it succeeds or the policy is at its end, after a first one that failed.

    Args:
        attempt: One attempt; called afresh each time.
        policy: When to repeat.
        error: Of the first attempt.
        began: The policy's `now` when that one was begun.
        timeout: Seconds for all attempts and waits; a wait that would pass it is not begun.
        on_wait: Entered around each wait.

    Raises:
        RetryError: More than one attempt was made, and the last failed too. A first error that is final, or with no retries
            allowed, is raised as it is; an abort always.
        RerankTimeoutError: The next wait would end after `timeout`.
    """
    errors = [error]
    while True:
        delay = policy.delay(errors[-1], len(errors) - 1)
        if delay is None or len(errors) > policy.max_retries:
            raise _final(errors, exhausted=delay is not None) from _cause(errors)
        if timeout is not None and policy.now() - began + delay >= timeout:
            raise timed_out(timeout, last=errors[-1]) from errors[-1]
        with on_wait():
            await (policy.sleep(delay) if delay else anyio.lowlevel.checkpoint())
        try:
            return await attempt()
        except Exception as failed:
            errors.append(failed)


def timed_out(timeout: float, *, last: Exception | None = None) -> RerankTimeoutError:
    """Return the error for a call whose `timeout` passed; or that has no time for another attempt after `last`."""
    what = "The reranking took longer than"
    if last is not None:
        what = f"The last attempt failed with {type(last).__name__}: {last} Another would not end within"
    return RerankTimeoutError(
        f"{what} timeout={timeout:g} s.",
        hint="Allow more time, or pass deadline= to get the best ranking so far instead of an error.",
    )


def _final(errors: list[Exception], *, exhausted: bool) -> Exception:
    last = errors[-1]
    if len(errors) == 1 or isinstance(last, RerankAbortedError):
        return last
    return RetryError(
        f"{len(errors)} attempts failed; the last with {type(last).__name__}: {last}",
        reason="max_retries_exceeded" if exhausted else "not_retryable",
        errors=errors,
    )


def _cause(errors: list[Exception]) -> BaseException | None:
    """Return what a traceback shows beside the error: nothing of ours, whose words the error repeats."""
    last = errors[-1]
    if len(errors) == 1 or isinstance(last, RerankAbortedError):
        return last.__cause__
    return None if isinstance(last, RerankError) else last
