"""Prices are data: complete, dated, and multiplied by what was billed."""

from __future__ import annotations

import datetime
import json

import pytest

from localrank import RerankUsage
from localrank.providers.prices import Price, known_prices
from localrank_cohere.dialects.decisions import DECISION_SERVICES
from localrank_cohere.dialects.prices import PRICES, with_cost
from localrank_cohere.dialects.rows import clouds
from localrank_cohere.dialects.table import DIALECTS
from tests.support.shell import localrank


@pytest.mark.parametrize("price", PRICES, ids=lambda price: price.model_id)
def test_a_price_has_a_provider_a_day_and_a_source(price: Price) -> None:
    assert price.provider in {dialect.provider for dialect in (*DIALECTS, *DECISION_SERVICES, *clouds.ROWS)}
    assert price.dollars > 0
    assert datetime.date.fromisoformat(price.read_on) <= datetime.date.today()
    assert price.source


def test_no_model_has_two_prices() -> None:
    assert len({(price.provider, price.model_id) for price in PRICES}) == len(PRICES)


def test_no_units_no_cost() -> None:
    assert with_cost(RerankUsage(input_tokens=5), "cohere", "rerank-v3.5").estimated_cost is None


def test_the_installed_table_is_found() -> None:
    assert set(PRICES) <= set(known_prices())


def test_the_command_line_lists_the_prices() -> None:
    shown = localrank("models", "--remote")

    assert shown.code == 0
    assert "rerank-v3.5" in shown.out
    assert "$2.00 per thousand search units" in shown.out


def test_the_command_line_gives_the_prices_as_json_lines() -> None:
    lines = [json.loads(line) for line in localrank("models", "--remote", "--json").out.splitlines()]

    assert {(one["provider"], one["model_id"]) for one in lines} >= {("cohere", "rerank-v3.5")}
