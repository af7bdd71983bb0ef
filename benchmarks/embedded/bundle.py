"""Put a finished model into the package: `python -m benchmarks.embedded.bundle MODEL`.

Copies the files that the package has, and writes their new sums. What people read is written by hand afterwards: the model
card, NOTICE, and the scores shown on pages.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
from pathlib import Path

from localrank_transformers import bundled


def main() -> int:
    """Copy, and replace each old sum by the new one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="as finish wrote it")
    parser.add_argument("--name", default=bundled.DEFAULT_MODEL, choices=bundled.bundled_names())
    arguments = parser.parse_args()
    code = Path(bundled.__file__)
    place = code.parent / arguments.name.replace("-", "_")
    text = code.read_text(encoding="utf-8")
    for name, old in bundled.SHA256[arguments.name].items():
        shutil.copyfile(arguments.folder / name, place / name)
        new = hashlib.sha256((place / name).read_bytes()).hexdigest()
        text = re.sub(old, new, text)
        print(f"{name}: {'the same' if new == old else new}")
    for record in sorted((place / "onnx").glob("*.json")):
        shutil.copyfile(arguments.folder / "onnx" / record.name, record)
    code.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
