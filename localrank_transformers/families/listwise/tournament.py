"""Tournament sort: the best documents one after another from comparisons of a few, none of which is made twice. Pure.

After ListT5 (https://arxiv.org/abs/2402.15838): groups of `size` send their best `winners` to the next round until one group is
left, whose best is placed; then only the comparisons on its way are made anew, since the output of every other one is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

__all__ = ["Compare", "tournament_order"]

Compare = Callable[[list[tuple[int, ...]]], list[list[int]]]
"""Takes groups of exactly `size` documents, ascending (fewer different ones only where the list is shorter), and returns for
each its different documents, the most relevant first."""


def tournament_order(
    count: int, *, size: int, winners: int, best: int, compare: Compare
) -> Iterator[list[int]]:
    """Yield the order of `count` documents each time that one more is placed, the rest behind it in their own order.

    Args:
        count: Documents in the list.
        size: Documents of a comparison.
        winners: How many of a group go on; less than half of `size`.
        best: How many places are found.
        compare: Makes comparisons; all of a round are given at once, so that they can run side by side.
    """
    contest = _Contest(size, winners, compare, list(range(count)))
    placed: list[int] = []
    while contest.remaining and len(placed) < best:
        placed += contest.next_best()
        yield placed + contest.remaining


class _Contest:
    def __init__(self, size: int, winners: int, compare: Compare, remaining: list[int]) -> None:
        self._size = size
        self._winners = winners
        self._compare = compare
        self._groups = _chunks(remaining, size)
        self._outputs: dict[tuple[int, ...], list[int]] = {}
        self._decided: dict[tuple[int, ...], list[int]] = {}
        self.remaining = remaining

    def next_best(self) -> list[int]:
        """Return the best of the remaining documents and take it out; all of them, in order, once one comparison tells."""
        is_last = len(self.remaining) <= self._size
        found = self._orders([tuple(self.remaining)])[0] if is_last else [self._champion()]
        self.remaining = [index for index in self.remaining if index not in found]
        return found

    def _champion(self) -> int:
        left = set(self.remaining)
        round_ = [tuple(index for index in group if index in left) for group in self._groups]
        while len(round_) > 1:
            # A group of no more than the winners needs no comparison: all of it goes on.
            decided = iter(self._orders([group for group in round_ if len(group) > self._winners]))
            going_on = [
                index
                for group in round_
                for index in (
                    group if len(group) <= self._winners else sorted(next(decided)[: self._winners])
                )
            ]
            round_ = _chunks(going_on, self._size)
        return self._orders(round_)[0][0]

    def _orders(self, groups: list[tuple[int, ...]]) -> list[list[int]]:
        """Return the order of each group, comparing only what was not compared before."""
        undecided = [group for group in groups if group not in self._decided and len(group) > 1]
        filled = {group: self._filled(group) for group in undecided}
        new = [group for group in dict.fromkeys(filled.values()) if group not in self._outputs]
        if new:
            self._outputs |= zip(new, self._compare(new), strict=True)
        for group in undecided:
            self._decided[group] = [index for index in self._outputs[filled[group]] if index in group]
        return [self._decided.get(group, list(group)) for group in groups]

    def _filled(self, group: tuple[int, ...]) -> tuple[int, ...]:
        """Return `group` filled up to the size that the model was trained with; what fills it cannot win.

        The last ones of the list fill, which are the least likely to be placed soon; a list too short for that repeats.
        """
        others = [index for index in reversed(self.remaining) if index not in group]
        missing = self._size - len(group)
        fill = others[:missing]
        fill += [group[place % len(group)] for place in range(missing - len(fill))]
        return tuple(sorted([*group, *fill]))


def _chunks(indexes: Sequence[int], size: int) -> list[tuple[int, ...]]:
    return [tuple(indexes[start : start + size]) for start in range(0, len(indexes), size)]
