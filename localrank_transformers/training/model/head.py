"""The last layer of a reranker: found whatever it is called, and computed in float32 whatever the rest is computed in.

In bf16 a logit has 8 bits, so many documents of a list would have equal scores.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from localrank.contract.errors import ModelLoadError

__all__ = ["has_bias", "keep_float32", "map_output"]


class _Float32Head(torch.nn.Linear):
    """A product that autocasting leaves alone."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002  # torch's own name
        with torch.autocast(input.device.type, enabled=False):
            return functional.linear(input.float(), self.weight, self.bias)


def keep_float32(module: Any) -> None:
    """Put a last layer that is computed in float32 in the place of the module's own; the weights stay the same objects.

    Raises:
        ModelLoadError: The module has no layer with one output.
    """
    name, head = _head(module)
    exact = _Float32Head(head.in_features, 1, bias=head.bias is not None)
    exact.weight, exact.bias = head.weight, head.bias
    module.set_submodule(name, exact)


def has_bias(module: Any) -> bool:
    """Return whether the last layer adds a number, so that `map_output` can shift what it gives.

    Raises:
        ModelLoadError: The module has no layer with one output.
    """
    return _head(module)[1].bias is not None


def map_output(module: Any, scale: float, shift: float) -> None:
    """Make `module` return scale · output + shift, inside its last layer; without a bias there, `shift` is left out.

    Raises:
        ModelLoadError: The module has no layer with one output.
    """
    _, head = _head(module)
    with torch.no_grad():
        head.weight *= scale
        if head.bias is not None:
            head.bias.mul_(scale).add_(shift)


def _head(module: Any) -> tuple[str, Any]:
    layers = [
        (name, layer)
        for name, layer in module.named_modules()
        if isinstance(layer, torch.nn.Linear) and layer.out_features == 1
    ]
    if not layers:
        raise ModelLoadError(f"{type(module).__name__} has no layer with one output.")
    return layers[-1]
