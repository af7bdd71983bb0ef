"""A folder for localrank: the plain export, and its int8 form (QInt8, per channel) where the weights bring none."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path


def main() -> int:
    """Write the folder from the one of the ONNX peers."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    source, target = arguments.source, arguments.target
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "onnx/model.onnx"):
        shutil.copyfile(source / name, target / name)
    quantize_dynamic(
        target / "onnx/model.onnx",
        target / "onnx/model_int8.onnx",
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
