"""Put a finished model into the package: `python -m benchmarks.embedded.shipping.bundle MODEL`.

Copies the files that the package needs, and writes their sums. What people read is written by hand afterwards: the model card,
NOTICE, and the scores shown on pages; so is the sum of the vectors' bits, which tests print.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.common.options import script_parser
from localrank_transformers.models import bundled
from localrank_transformers.models.bundled.separate import EXTRAS

TOKENIZER = "tokenizer.json"
FILES = ("config.json", TOKENIZER, "tokenizer_config.json", "localrank.json", "onnx/model_int8.onnx")
PACKAGES = Path(__file__).parents[3] / "packages"
RECORD = "onnx/model_int8.json"
"""What people are told of the graph; nothing reads it to rank, so it has no sum."""


def main() -> int:
    """Copy, and write the table of sums anew."""
    parser = script_parser(__doc__)
    parser.add_argument("folder", type=Path, help="as finish wrote it")
    parser.add_argument("--name", default=bundled.DEFAULT_MODEL, help="of the embedded model")
    arguments = parser.parse_args()
    if arguments.name in EXTRAS:
        return _bundle_apart(arguments.folder, arguments.name.replace("-", "_"))
    code = Path(bundled.__file__)
    place = code.parent / arguments.name.replace("-", "_")
    sums = _copied(arguments.folder, place)
    old = bundled.SHA256.get(arguments.name, {})
    for name, new in sums.items():
        print(f"{name}: {'the same' if new == old.get(name) else new}")
    text = code.read_text(encoding="utf-8")
    table = _table({**bundled.SHA256, arguments.name: sums})
    code.write_text(re.sub(r"(?ms)^SHA256: .*?^}$", lambda _: table, text), encoding="utf-8")
    return 0


def _bundle_apart(folder: Path, module: str) -> int:
    """Put a model into the package of its own."""
    place = PACKAGES / module / module
    lines = [f'    "{name}": "{digest}",' for name, digest in _copied(folder, place).items()]
    table = "\n".join(["SHA256: dict[str, str] = {", *lines, "}"])
    code = place / "__init__.py"
    text = code.read_text(encoding="utf-8")
    code.write_text(re.sub(r"(?ms)^SHA256: .*?}$", lambda _: table, text), encoding="utf-8")
    return 0


def _copied(folder: Path, place: Path) -> dict[str, str]:
    """Copy the files, and return the sums of those that are read."""
    (place / "onnx").mkdir(parents=True, exist_ok=True)
    for name in (*FILES, RECORD):
        shutil.copyfile(folder / name, place / name)
    _write_whole(place / TOKENIZER)
    return {name: hashlib.sha256((place / name).read_bytes()).hexdigest() for name in FILES}


def _write_whole(tokenizer: Path) -> None:
    """Take out where a tokenizer cuts and fills up, which a file of a bi-encoder states and nothing here wants."""
    whole = Tokenizer.from_file(str(tokenizer))
    whole.no_truncation()
    whole.no_padding()
    whole.save(str(tokenizer), pretty=False)


def _table(models: dict[str, dict[str, str]]) -> str:
    lines = ["SHA256: dict[str, dict[str, str]] = {"]
    for model, sums in models.items():
        lines += [
            f'    "{model}": {{',
            *(f'        "{name}": "{digest}",' for name, digest in sums.items()),
            "    },",
        ]
    return "\n".join([*lines, "}"])


if __name__ == "__main__":
    raise SystemExit(main())
