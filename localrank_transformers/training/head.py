"""The last layer of a cross-encoder: found whatever it is called, and computed in float32 whatever the rest is computed in.

In bf16 a logit has 8 bits, so many documents of a list would have equal scores.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from localrank.contract.errors import ModelLoadError

__all__ = ["divide_output", "keep_float32"]


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


def divide_output(module: Any, temperature: float) -> None:
    """Divide the output of `module` by `temperature`, inside its last layer.

    Raises:
        ModelLoadError: The module has no layer with one output.
    """
    _, head = _head(module)
    with torch.no_grad():
        head.weight /= temperature
        if head.bias is not None:
            head.bias /= temperature


def _head(module: Any) -> tuple[str, Any]:
    found = [
        (name, one)
        for name, one in module.named_modules()
        if isinstance(one, torch.nn.Linear) and one.out_features == 1
    ]
    if not found:
        raise ModelLoadError(f"{type(module).__name__} has no layer with one output.")
    return found[-1]
