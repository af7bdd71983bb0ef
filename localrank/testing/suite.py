"""The conformance kit as a pytest class to subclass: one test a rule, on every async backend that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import ClassVar

import pytest

from localrank.contract.model import AnyReranker
from localrank.testing.conformance import (
    CONFORMANCE_CHECKS,
    DEFAULT_TOLERANCE,
    Check,
    rule_name,
    valid_waivers,
)

__all__ = ["RerankerConformance"]

_BACKENDS = ["asyncio", "trio"] if find_spec("trio") else ["asyncio"]


class RerankerConformance:
    """Subclass it as `class TestMyReranker(RerankerConformance)`, and write `make`.

    Attributes:
        waivers: Rules that do not hold for this model, by name, each with the reason; they are shown as skipped.
        tolerance: How far two scores of one pair may lie apart.
    """

    waivers: ClassVar[Mapping[str, str]] = {}
    tolerance: ClassVar[float] = DEFAULT_TOLERANCE

    def make(self) -> AnyReranker:
        """Return a fresh model; the rules close it."""
        raise NotImplementedError("Write make(self), which returns a fresh reranker.")

    @pytest.fixture(params=_BACKENDS)
    def anyio_backend(self, request: pytest.FixtureRequest) -> str:
        """The async library that the rules run on."""
        return str(request.param)

    @pytest.mark.anyio
    @pytest.mark.parametrize("check", CONFORMANCE_CHECKS, ids=rule_name)
    async def test_rule(self, check: Check) -> None:
        """One rule."""
        reason = valid_waivers(self.waivers).get(rule_name(check))
        if reason is not None:
            pytest.skip(f"waived: {reason}")
        await check(self.make, tolerance=self.tolerance)
