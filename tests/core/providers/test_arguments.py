from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localrank.contract.errors import InvalidRequestError
from localrank.providers.arguments import check_count, check_integer, check_path, real_number, whole_number


class Tensor:
    """As torch's with one element: it turns into any number, and its dtype has no `kind`."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.dtype = f"torch.{type(value).__name__}"

    def __index__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3)])
def test_an_integer_of_any_kind_becomes_a_plain_one(value: object) -> None:
    assert type(whole_number(value)) is int
    assert whole_number(value) == 3


@pytest.mark.parametrize(
    "value",
    [
        True,
        np.True_,
        Tensor(True),
        3.0,
        np.float64(3),
        "3",
        None,
        np.array([3]),
        np.array(3.0),
        np.array(True),
    ],
)
def test_what_is_no_integer_is_none(value: object) -> None:
    assert whole_number(value) is None


@pytest.mark.parametrize(
    "value",
    [1.5, np.float16(1.5), np.array(1.5), Tensor(1.5), Decimal("1.5"), Fraction(3, 2), np.ma.array(1.5)],
)
def test_a_real_number_of_any_kind_becomes_a_plain_one(value: object) -> None:
    assert type(real_number(value)) is float
    assert real_number(value) == 1.5


@pytest.mark.parametrize(
    "value",
    [
        *(True, np.True_, np.array(True), Tensor(True), None),
        *("1", b"1", np.str_("1"), np.array("1"), np.array(b"1")),
        *(1j, np.complex64(1), np.array(1 + 2j), np.datetime64(1, "s"), np.timedelta64(1, "s")),
        *(10**400, [1.0], np.array([1.0, 2.0]), np.array([True], dtype=object)[0]),
    ],
)
def test_what_is_no_one_real_number_is_none(value: object) -> None:
    assert real_number(value) is None


def test_a_count_is_a_plain_integer_or_none() -> None:
    assert type(check_count("top_k", np.int32(5))) is int
    assert check_count("top_k", None) is None


@pytest.mark.parametrize("value", [0, np.int64(0), -1, True, 2.0, "2"])
def test_what_is_no_count_is_refused_with_its_value(value: object) -> None:
    with pytest.raises(InvalidRequestError, match=r"top_k is .+ Pass an integer of at least 1, or None"):
        check_count("top_k", value)


def test_an_integer_may_be_negative_and_no_fraction() -> None:
    assert check_integer("seed", np.int64(-7)) == -7
    with pytest.raises(InvalidRequestError, match=r"seed is 0\.5"):
        check_integer("seed", 0.5)


def test_a_path_is_a_string_or_what_stands_for_one() -> None:
    assert check_path("path", "a/b") == check_path("path", Path("a/b")) == Path("a/b")


@pytest.mark.parametrize("value", [3, None, b"a", ["a"], "", "a\0b", True])
def test_what_is_no_path_is_refused_by_its_name(value: object) -> None:
    with pytest.raises(InvalidRequestError, match="folder is "):
        check_path("folder", value)
