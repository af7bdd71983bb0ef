"""Where outliers sit in a model's activations, and the factors that move them into the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank_transformers.engines.onnx import all_outputs
from localrank_transformers.optimizing.encoder_graph import (
    PLACES,
    Place,
    Smoothing,
    build_graph,
    probe_name,
)
from localrank_transformers.optimizing.encoder_weights import Encoder
from localrank_transformers.tokenization import Row

__all__ = ["EXPONENT", "EXPONENTS", "Ranges", "largest_inputs", "smoothing_factors"]

EXPONENT = 0.85
"""How much of the range moves from activations to weights, chosen by ranking agreement with float32."""

EXPONENTS = (0.65, 0.75, EXPONENT)
"""What is tried where there is time to compare."""

_LEAST = 1e-4

Ranges = Mapping[Place, npt.NDArray[Any]]
"""The largest absolute input of a product, one number a channel."""


def smoothing_factors(encoder: Encoder, largest: Ranges, *, exponent: float = EXPONENT) -> Smoothing:
    """Return factors max|x|ᵉ / max|w|¹⁻ᵉ, one a channel (Xiao et al. 2023, SmoothQuant, equation 4).

    Args:
        encoder: The weights.
        largest: See `largest_inputs`.
        exponent: 0 smooths nothing, 1 moves the whole range.
    """
    return {
        place: (
            np.maximum(inputs, _LEAST) ** exponent
            / np.maximum(_largest_weights(encoder, place), _LEAST) ** (1 - exponent)
        ).astype(np.float32)
        for place, inputs in largest.items()
    }


def largest_inputs(encoder: Encoder, rows: Sequence[Row]) -> Ranges:
    """Return how large the inputs of each product get.

    Args:
        encoder: The weights.
        rows: What to calibrate by; a few hundred from the kind of text that will be ranked.
    """
    places = [(number, place) for number in range(len(encoder.layers)) for place in PLACES]
    names = {place: probe_name(place) for place in places}
    largest: dict[Place, npt.NDArray[Any]] = {}
    for outputs in all_outputs(build_graph(encoder, probes=True), list(names.values()), rows):
        for place, name in names.items():
            seen = np.abs(outputs[name][0]).max(axis=0)
            largest[place] = np.maximum(largest.get(place, seen), seen)
    return largest


def _largest_weights(encoder: Encoder, place: Place) -> npt.NDArray[Any]:
    layer = encoder.layers[place[0]]
    linears = {"qkv": [layer.query, layer.key, layer.value], "up": [layer.up], "down": [layer.down]}[place[1]]
    largest: npt.NDArray[Any] = np.max([np.abs(linear.weight).max(axis=1) for linear in linears], axis=0)
    return largest
