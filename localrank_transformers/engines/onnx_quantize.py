"""A float32 graph into one with int8 weights, whose activations are quantized at run time."""

from __future__ import annotations

import logging
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from localrank.contract.errors import ModelLoadError
from localrank_transformers.cpu_features import cpu_features

__all__ = ["quantize"]

_FULL_RANGE = frozenset({"AVX512-VNNI", "AVX-VNNI", "AMX-int8", "NEON-dot-product", "NEON-i8mm"})
"""Without one of these, sums of products of 8-bit numbers can overflow, so weights get 7 bits."""


def quantize(source: Path, target: Path) -> None:
    """Write `target` from `source`, for this processor.

    Raises:
        ModelLoadError: The graph has an operator that cannot be quantized.
    """
    model = onnx.load(str(source))
    del model.graph.value_info[
        :
    ]  # the exporter's shapes of values inside are not those that the quantizer infers
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advises a preparation that exported graphs do not need
    try:
        quantize_dynamic(
            model,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            reduce_range=_FULL_RANGE.isdisjoint(cpu_features() or ()),
            weight_type=QuantType.QInt8,
        )
    except Exception as error:
        raise ModelLoadError(f"The graph cannot be quantized: {str(error)[:200]}") from error
    finally:
        logger.setLevel(level)
