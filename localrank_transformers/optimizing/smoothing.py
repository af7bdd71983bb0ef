"""Where outliers sit in a model's activations, the factors that move them into the weights, and the ranges that are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from localrank_transformers.call.contract import Row
from localrank_transformers.engines.onnx.session import all_outputs
from localrank_transformers.optimizing.encoder.graph import PLACES, Int8, Place, build_graph, probe_name
from localrank_transformers.optimizing.encoder.weights import Encoder

__all__ = ["EXPONENTS", "Ranges", "Seen", "seen_inputs", "smoothed_int8"]

EXPONENT = 0.85
"""How much of the range moves from activations to weights, chosen by ranking agreement with float32."""

EXPONENTS = (0.65, 0.75, EXPONENT)
"""What is tried where there is time to compare."""

_LEAST = 1e-4

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """The least and the greatest input of a product, one number a channel."""

    least: Floats
    greatest: Floats

    @property
    def largest(self) -> Floats:
        """The largest absolute input of each channel."""
        return np.maximum(np.abs(self.least), np.abs(self.greatest))

    def range(self, factors: Floats) -> tuple[float, float]:
        """Return the least and the greatest of all channels, each divided by its factor."""
        return float((self.least / factors).min()), float((self.greatest / factors).max())

    def also(self, inputs: Floats) -> Seen:
        """Return what is seen with further inputs, shape (tokens, channels)."""
        return Seen(np.minimum(self.least, inputs.min(axis=0)), np.maximum(self.greatest, inputs.max(axis=0)))


Ranges = Mapping[Place, Seen]
"""What was seen of each product's input."""


def smoothed_int8(encoder: Encoder, seen: Ranges, *, exponent: float = EXPONENT) -> Int8:
    """Return int8 with the factors max|x|ᵉ / max|w|¹⁻ᵉ, one a channel (Xiao et al. 2023, SmoothQuant, equation 4).

    Args:
        encoder: The weights.
        seen: See `seen_inputs`.
        exponent: 0 smooths nothing, 1 moves the whole range.
    """
    smoothing = {
        place: (
            np.maximum(inputs.largest, _LEAST) ** exponent
            / np.maximum(_largest_weights(encoder, place), _LEAST) ** (1 - exponent)
        ).astype(np.float32)
        for place, inputs in seen.items()
    }
    return Int8({place: seen[place].range(factors) for place, factors in smoothing.items()}, smoothing)


def seen_inputs(encoder: Encoder, rows: Sequence[Row]) -> Ranges:
    """Return what the inputs of each product are.

    Args:
        encoder: The weights.
        rows: What to calibrate by; a few hundred from the kind of text that will be ranked.
    """
    places = [(number, place) for number in range(len(encoder.layers)) for place in PLACES]
    names = {place: probe_name(place) for place in places}
    seen: dict[Place, Seen] = {}
    for outputs in all_outputs(build_graph(encoder, probes=True), list(names.values()), rows):
        for place, name in names.items():
            inputs = outputs[name]
            before = seen.get(place) or Seen(inputs[0], inputs[0])
            seen[place] = before.also(inputs)
    return seen


def _largest_weights(encoder: Encoder, place: Place) -> Floats:
    layer = encoder.layers[place[0]]
    linears = {
        "qkv": [layer.query, layer.key, layer.value],
        "attended": [layer.attended],
        "up": [layer.up],
        "down": [layer.down],
    }[place[1]]
    largest: Floats = np.max([np.abs(linear.weight).max(axis=1) for linear in linears], axis=0)
    return largest
