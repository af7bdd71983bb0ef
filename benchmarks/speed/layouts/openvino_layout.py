"""A folder for OpenVINO, as sentence-transformers exports it with optimum-intel. Run in OpenVINO's environment."""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> int:
    """Write the folder."""
    from sentence_transformers import CrossEncoder  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    CrossEncoder(str(arguments.source), backend="openvino", device="cpu").save_pretrained(
        str(arguments.target)
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
