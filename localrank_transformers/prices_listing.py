"""`localrank models --remote`: what the remote models cost, from the tables that installed packages bring."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from localrank.providers.prices import Price, known_prices

__all__ = ["list_prices"]


def list_prices(*, as_json: bool) -> None:
    """Print one line a remote model with a known price."""
    prices = known_prices()
    if as_json:
        for price in prices:
            click.echo(json.dumps(asdict(price), ensure_ascii=False))
        return
    rows = [_cells(price) for price in prices]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    for row in rows:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo(
        "List prices; a vendor may have changed them. Any other model of a provider works too.", err=True
    )


def _cells(price: Price) -> tuple[str, ...]:
    name = f"{price.provider}:{price.model_id}"
    return name, f"${price.dollars:.2f} per {price.unit}", f"read {price.read_on}", price.source
