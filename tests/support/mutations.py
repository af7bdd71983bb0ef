"""Damage to the files of a model's folder, drawn by a seed: bits, cuts, and in JSON other types, numbers, depths and keys."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

__all__ = ["mutated"]

_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    3.5,
    2**31,
    2**63,
    -(2**70),
    10**40,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\ud800",
    "a" * 10_000,
    "../../../etc/passwd",
    [],
    [None],
    [[]],
    [1, 2, 3],
    {},
    {"a": 1},
    {"content": 3},
    {"0": None},
)


def mutated(source: Path, target: Path, seed: int, *, only: str | None = None) -> str:
    """Copy the folder `source` to `target` with one or two files damaged; return what was done.

    Args:
        source: A whole model.
        target: Made anew.
        seed: Draws the damage.
        only: The end of the names of files that may be damaged.
    """
    draw = random.Random(seed)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    names = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    names = [name for name in names if only is None or name.endswith(only)]
    done = []
    for name in draw.sample(names, min(len(names), draw.choice([1, 1, 1, 2]))):
        path = target / name
        content = path.read_bytes()
        is_json = name.endswith((".json", ".metadata"))
        change = draw.choice([_of_json, _of_json, _of_json, _of_bytes]) if is_json else _of_bytes
        damaged, what = change(content, draw)
        path.write_bytes(damaged)
        done.append(f"{name}: {what}")
    return f"seed {seed}: {'; '.join(done)}"


def _of_bytes(content: bytes, draw: random.Random) -> tuple[bytes, str]:
    kind = draw.choice(["flip", "flips", "cut", "insert", "zeros", "double", "replaced"])
    at = draw.randrange(len(content) or 1)
    damaged = bytearray(content)
    if kind in {"flip", "flips"}:
        for _ in range(1 if kind == "flip" else 30):
            place = draw.randrange(len(damaged) or 1)
            damaged[place : place + 1] = bytes(
                [(damaged[place] if damaged else 0) ^ (1 << draw.randrange(8))]
            )
    elif kind == "cut":
        del damaged[at:]
    elif kind == "insert":
        damaged[at:at] = draw.randbytes(draw.choice([1, 4, 100]))
    elif kind == "zeros":
        damaged[at : at + 16] = bytes(len(damaged[at : at + 16]))
    elif kind == "double":
        damaged += bytes(damaged)
    else:
        damaged = bytearray(
            draw.choice([b"", b"\0" * 50, b"<html>no</html>", b"PK\x03\x04zip", b"\xff\xfe", b"{}", b"[]"])
        )
    return bytes(damaged), f"{kind} at {at}"


def _of_json(content: bytes, draw: random.Random) -> tuple[bytes, str]:
    try:
        value = json.loads(content)
    except ValueError:
        return _of_bytes(content, draw)
    places = list(_places(value))
    kind = draw.choice(["value", "value", "value", "value", "drop", "key", "deep", "many"])
    if kind == "deep":
        return b"[" * draw.choice([900, 100_000]), "deep"
    if not places:
        return json.dumps(draw.choice(_VALUES)).encode(), "root"
    holder, key = draw.choice(places)
    what = f"{kind} {str(key)[:40]}"
    if kind == "drop":
        del holder[key]
    elif kind == "key" and isinstance(holder, dict):
        holder[draw.choice(["", "\0", "x" * 500, "0", "9" * 30])] = holder.pop(key)
    elif kind == "many":
        holder[key] = [holder[key]] * 300
    else:
        new = draw.choice(_VALUES)
        holder[key], what = new, f"{what} = {str(new)[:30]}"
    return json.dumps(value).encode(), what


def _places(value: Any, deepest: int = 6) -> Any:
    """Yield (holder, key) of every value; of long lists and objects the first ones."""
    if deepest == 0 or not isinstance(value, dict | list):
        return
    keys: list[Any] = list(value)[:60] if isinstance(value, dict) else list(range(min(len(value), 6)))
    for key in keys:
        yield value, key
        yield from _places(value[key], deepest - 1)
