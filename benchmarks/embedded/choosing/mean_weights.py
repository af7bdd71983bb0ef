"""Several checkpoints' mean as a model folder: `python -m benchmarks.embedded.choosing.mean_weights A B --out OUT`.

Checkpoints of one base that were trained apart, or one after the other, are often better together than each alone (Wortsman et
al. 2022, "Model soups"). Everything but the weights is that of the last folder.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from benchmarks.common.options import script_parser

_WEIGHTS = "model.safetensors"


def main() -> int:
    """Read, average, write."""
    parser = script_parser(__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    arguments = parser.parse_args()
    absent = [folder for folder in arguments.checkpoints if not (folder / _WEIGHTS).is_file()]
    if absent:
        parser.error(f"{absent[0]} holds no {_WEIGHTS}.")
    if arguments.out.exists():
        parser.error(f"{arguments.out} exists; --out must be a new folder.")
    states = [load_file(folder / _WEIGHTS) for folder in arguments.checkpoints]
    if any(state.keys() != states[0].keys() for state in states):
        parser.error("the checkpoints have weights of other names: they are not of one base.")
    mean = {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
    shutil.copytree(arguments.checkpoints[-1], arguments.out)
    save_file(mean, arguments.out / _WEIGHTS, metadata={"format": "pt"})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
