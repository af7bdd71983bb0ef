"""A float32 graph into one with int8 weights, whose activations are quantized at run time."""

from __future__ import annotations

import logging
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from localrank.contract.errors import ModelLoadError
from localrank.contract.texts import first_line
from localrank_transformers.models.onnx_file.producer import remove_graph

__all__ = ["quantize"]

_SINGLE_FILE_BYTES = 2 << 30
"""Beyond this size of the float32 graph its int8 weights go into a file beside the graph; a protobuf holds 2 GiB at most."""


def quantize(source: Path, target: Path, *, seven_bits: bool, signed: bool) -> None:
    """Write `target` from `source`, each column of a matrix with a scale of its own.

    Args:
        source: The float32 graph; external data lie beside it.
        target: Where to write.
        seven_bits: For processors where sums of products of 8-bit numbers can overflow.
        signed: Whether weights are QInt8, not QUInt8.

    Raises:
        ModelLoadError: The graph has an operator that cannot be quantized.
    """
    model = onnx.load(str(source))
    size = model.ByteSize()
    # The exporter's shapes of values inside are not those that the quantizer infers.
    del model.graph.value_info[:]
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advises a preparation that exported graphs do not need
    remove_graph(target)
    try:
        quantize_dynamic(
            model,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            reduce_range=seven_bits,
            weight_type=QuantType.QInt8 if signed else QuantType.QUInt8,
            use_external_data_format=size > _SINGLE_FILE_BYTES,
        )
    except Exception as error:
        raise ModelLoadError(
            f"The graph cannot be quantized: {first_line(error)}", hint="Take precision fp32."
        ) from error
    finally:
        logger.setLevel(level)
