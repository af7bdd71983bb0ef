"""What remote models cost, as data that a provider brings.

A package brings its own table with an entry point in the group `localrank.prices`: a function without arguments that returns
a sequence of `Price`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Literal

__all__ = ["ENTRY_POINT_GROUP", "Price", "known_prices"]

ENTRY_POINT_GROUP = "localrank.prices"

PriceUnit = Literal["thousand search units", "million tokens"]


@dataclass(frozen=True, slots=True)
class Price:
    """The list price of one remote model.

    Attributes:
        provider: The provider's name.
        model_id: The model's name at its provider.
        dollars: US dollars for one `unit`.
        unit: What is counted.
        read_on: The day the price was read, as YYYY-MM-DD.
        source: Where it was read.
    """

    provider: str
    model_id: str
    dollars: float
    unit: PriceUnit
    read_on: str
    source: str

    def cost(self, *, search_units: float | None, tokens: int | None) -> float | None:
        """Return US dollars, or None where the unit that is billed was not counted."""
        if self.unit == "thousand search units":
            return None if search_units is None else self.dollars * search_units / 1_000
        return None if tokens is None else self.dollars * tokens / 1_000_000


def known_prices() -> list[Price]:
    """Return the prices that every installed package brings."""
    return [price for entry in entry_points(group=ENTRY_POINT_GROUP) for price in entry.load()()]
