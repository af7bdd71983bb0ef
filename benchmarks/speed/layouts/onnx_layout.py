"""A folder for the ONNX peers, as sentence-transformers documents it: optimum's export, then dynamic int8 (AVX-512 VNNI).

Run in the environment that has optimum-onnx. FlashRank's cache folders are made beside it, by links.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from benchmarks.speed.adapters.flashrank import FILE, MODEL
from benchmarks.speed.adapters.sentence_transformers import INT8_FILE

TOKENIZER_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")


def main() -> int:
    """Write the folder."""
    from sentence_transformers import CrossEncoder, export_dynamic_quantized_onnx_model  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    target: Path = arguments.target
    model = CrossEncoder(
        str(arguments.source), backend="onnx", device="cpu", model_kwargs={"provider": "CPUExecutionProvider"}
    )
    model.save_pretrained(str(target))
    export_dynamic_quantized_onnx_model(model, "avx512_vnni", str(target))
    for name in TOKENIZER_FILES:
        shutil.copyfile(arguments.source / name, target / name)
    tokens = json.loads((target / "tokenizer_config.json").read_text())
    special = {key: tokens[key] for key in tokens if key.endswith("_token") and isinstance(tokens[key], str)}
    (target / "special_tokens_map.json").write_text(json.dumps(special))
    for precision, file in (("fp32", "onnx/model.onnx"), ("int8", INT8_FILE)):
        _flashrank(target, precision, file)
    return 0


def _flashrank(target: Path, precision: str, file: str) -> None:
    place = target / f"flashrank-{precision}" / MODEL
    place.mkdir(parents=True, exist_ok=True)
    for name in (*TOKENIZER_FILES, "special_tokens_map.json"):
        shutil.copyfile(target / name, place / name)
    (place / FILE).unlink(missing_ok=True)
    (place / FILE).symlink_to((target / file).resolve())


if __name__ == "__main__":
    raise SystemExit(main())
