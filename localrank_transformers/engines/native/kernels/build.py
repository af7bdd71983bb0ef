"""Compiles the kernels while a wheel is built. Where that cannot be, it is pure Python, and ONNX Runtime does their work."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_HERE = Path(__file__).parent
_LIBRARY = _HERE.parent / "_kernels.so"
_FLAGS = ["-std=gnu11", "-O3", "-fPIC", "-pthread", "-fvisibility=hidden", "-Wall", "-Wextra"]
# What the sources leave apart stays apart: one rounding less would be other bits.
_FLAGS += ["-ffp-contract=off"]
_VARIANTS = {
    "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mfma"],
    "avxvnni": ["-mavx2", "-mfma", "-mavxvnni"],
    "avx2": ["-mavx2", "-mfma"],
}
"""Kinds of processors with their instructions, the fastest first."""

_FOR_ANY_PROCESSOR = frozenset({"door.c", "team.c"})


class KernelsHook(BuildHookInterface[Any]):
    """Adds `_kernels.so` to the wheel. An editable installation finds it beside the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say in the wheel's tag for which machines it is."""
        with TemporaryDirectory() as folder:
            reason = _compile(Path(folder))
        if reason:
            if version == "editable":  # what is there may be of other sources
                _LIBRARY.unlink(missing_ok=True)
            self.app.display_warning(
                f"Without compiled kernels ({reason}): ONNX Runtime does their work, slower."
            )
            return
        machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["artifacts"].append(str(_LIBRARY.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{machine}"


def _compile(folder: Path) -> str:
    """Make the library beside the sources' package; return why it is not there, or nothing."""
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "AMD64"}:
        return f"they are for Linux on x86-64, this is {sys.platform} on {platform.machine()}"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    try:
        objects = _objects(compiler, folder)
        made = folder / _LIBRARY.name
        _run([*compiler, "-shared", "-pthread", "-o", str(made), *objects])
        # A process may run the old one: a new file takes its place, where a changed one would crash it.
        staged = _LIBRARY.with_suffix(".new")
        shutil.copyfile(made, staged)
        staged.replace(_LIBRARY)
    except OSError as error:
        return f"{error.filename or compiler[0]}: {error.strerror}"
    except subprocess.CalledProcessError as error:
        return f"{shlex.join(compiler)} ended with {error.returncode}"
    return ""


def _objects(compiler: list[str], folder: Path) -> list[str]:
    known = [name for name, instructions in _VARIANTS.items() if _knows(compiler, instructions)]
    table = " ".join(f"X({name})" for name in known)
    made = []
    for source in sorted(_HERE.glob("*.c")):
        if source.name in _FOR_ANY_PROCESSOR:
            made.append(_object(compiler, source, folder / f"{source.stem}.o", [f"-DVARIANTS={table}"]))
            continue
        for name in known:
            options = [f"-DKERNELS={name}", *_VARIANTS[name]]
            made.append(_object(compiler, source, folder / f"{source.stem}_{name}.o", options))
    return made


def _knows(compiler: list[str], instructions: list[str]) -> bool:
    """Whether the compiler is new enough for a kind of processor; AVX-VNNI wants GCC 11 or clang 12."""
    command = [*compiler, *instructions, "-E", "-x", "c", os.devnull]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0  # noqa: S603


def _object(compiler: list[str], source: Path, made: Path, options: list[str]) -> str:
    _run([*compiler, *_FLAGS, *options, "-c", str(source), "-o", str(made)])
    return str(made)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)  # noqa: S603
