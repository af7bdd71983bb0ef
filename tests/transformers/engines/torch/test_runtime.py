"""Batches run one after another for one call at a time, and in halves once memory does not suffice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

pytest.importorskip("torch", reason="needs the extra `torch`")

from localrank import InferenceError
from localrank_transformers.call.deadline import OutOfMemoryError
from localrank_transformers.engines.torch.device import choose
from localrank_transformers.engines.torch.runtime import BatchRunner, TorchRuntime


@pytest.fixture
def runtime() -> TorchRuntime:
    return TorchRuntime(choose("cpu", "fp32"), batch_tokens=4)


def never() -> bool:
    return False


def test_a_pass_keeps_its_turn_from_its_first_batch_to_its_end(runtime: TorchRuntime) -> None:
    computing, waiting = BatchRunner(runtime, None), BatchRunner(runtime, None)
    seen: list[int] = []
    assert computing.run([1, 1], seen.extend, never)

    assert not waiting.run([1], seen.extend, lambda: True)
    assert computing.run([1, 1], seen.extend, never)
    computing.end()

    assert waiting.run([1], seen.extend, never)
    assert seen == [0, 1, 0, 1, 0]


def test_a_pass_that_failed_leaves_its_turn_to_the_next(runtime: TorchRuntime) -> None:
    failing, following = BatchRunner(runtime, None), BatchRunner(runtime, None)

    def fail(_positions: Sequence[int]) -> None:
        raise InferenceError("torch failed")

    with pytest.raises(InferenceError):
        failing.run([1], fail, never)
    failing.end()

    assert following.run([1], lambda _positions: None, never)


def test_what_memory_does_not_suffice_for_is_run_in_halves(runtime: TorchRuntime) -> None:
    runner = BatchRunner(runtime, None)
    batches: list[list[int]] = []

    def execute(positions: Sequence[int]) -> None:
        if len(positions) > 2:
            raise OutOfMemoryError
        batches.append(list(positions))

    assert runner.run([1, 1, 1, 1], execute, never)
    assert batches == [[0, 1], [2, 3]]
    assert [(warning.type, "2 tokens" in warning.message) for warning in runner.end()] == [
        ("out_of_memory", True)
    ]


def test_halves_that_do_not_fit_either_are_an_error(runtime: TorchRuntime) -> None:
    def execute(_positions: Sequence[int]) -> None:
        raise OutOfMemoryError("tried to allocate 1 GiB")

    with pytest.raises(InferenceError, match=r"2 tokens: tried to allocate 1 GiB.*batch_tokens"):
        BatchRunner(runtime, None).run([1, 1, 1, 1], execute, never)
