"""How a listwise model goes through a list that is longer than what it reads at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from localrank.contract.errors import InvalidRequestError

__all__ = ["Listwise"]

Answer = Literal["permutation", "first-token"]

LETTERS = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Listwise:
    """Settings of listwise models, for `TorchReranker(listwise=…)`.

    `window`, `stride`, `passes` and `answer` are for generative models (RankVicuna, RankZephyr, any instruction-tuned model);
    `winners` and `best` for ListT5.

    Attributes:
        window: Documents that the model orders at once.
        stride: How far the window moves toward the top; at most `window`. What lies in both windows can rise further.
        passes: How often the windows go over the list.
        answer: `"permutation"` has the model write the whole order; `"first-token"` reads the order from the logits of the
            first identifier (FIRST, https://arxiv.org/abs/2406.15657), in one pass of the model, for models trained for that.
        winners: How many of five passages go on to the next round: 1 or 2 (the paper's r).
        best: How many places the tournament finds; the other documents follow in the caller's order.

    Raises:
        InvalidRequestError: A number out of range.
    """

    window: int = 20
    stride: int = 10
    passes: int = 1
    answer: Answer = "permutation"
    winners: Literal[1, 2] = 2
    best: int = 10

    def __post_init__(self) -> None:
        _check("window", self.window, 2, LETTERS if self.answer == "first-token" else 1_000)
        _check("stride", self.stride, 1, self.window)
        _check("passes", self.passes, 1, 100)
        _check("winners", self.winners, 1, 2)
        _check("best", self.best, 1, 1_000_000)
        if self.answer not in get_args(Answer):
            raise InvalidRequestError(
                f"answer is {self.answer!r}.", hint='Pass "permutation" or "first-token".'
            )


def _check(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidRequestError(f"{name} is {value!r}.", hint=f"Pass an integer of {least} to {most}.")
