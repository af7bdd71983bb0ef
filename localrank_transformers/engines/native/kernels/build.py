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
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_HERE = Path(__file__).parent
_FOLDER = _HERE.parent
"""Where the library is put."""

PLATFORM = "LOCALRANK_PLATFORM"
"""The environment variable that names what `CC` compiles for, if not for this machine: a wheel's platform, as
`manylinux_2_17_aarch64`."""

# What the sources leave apart stays apart: one rounding less would be other bits.
_FLAGS = [
    "-std=gnu11",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
]
_COMPILING = {"linux": ["-fPIC", "-pthread"], "darwin": ["-fPIC", "-mmacosx-version-min=11.0"], "win32": []}
_LINKING = {"linux": ["-pthread"], "darwin": ["-mmacosx-version-min=11.0"], "win32": []}

_VARIANTS: dict[str, dict[str, list[list[str]]]] = {
    "x86_64": {
        "avx512": [["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mfma"]],
        "avxvnni": [["-mavx2", "-mfma", "-mavxvnni"]],
        "avx2": [["-mavx2", "-mfma"]],
    },
    # GCC orders instructions before it has given out registers, and runs out of them in the tiles.
    "aarch64": {
        "i8mm": [
            ["-march=armv8.2-a+dotprod+i8mm", "-fno-schedule-insns"],
            ["-mcpu=generic+v8_2a+dotprod+i8mm"],
        ],
        "dotprod": [["-march=armv8.2-a+dotprod", "-fno-schedule-insns"], ["-mcpu=generic+v8_2a+dotprod"]],
        "neon": [["-march=armv8-a", "-fno-schedule-insns"], ["-mcpu=generic"]],
    },
}
"""Kinds of processors of each machine, the fastest first, and how compilers are told of them, in order of trial."""

_FOR_ANY_PROCESSOR = frozenset({"door.c", "team.c", "unigram.c", "vocabulary.c"})
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_SYSTEMS = {"manylinux": "linux", "musllinux": "linux", "linux": "linux", "macosx": "darwin", "win": "win32"}


class Target(NamedTuple):
    """What is compiled for.

    Attributes:
        system: As `sys.platform` names it.
        machine: As Linux names it.
        tag: The platform of a wheel.
    """

    system: str
    machine: str
    tag: str

    @property
    def library(self) -> Path:
        """Where the library of this target is put; see `FILE` of library.py."""
        return _FOLDER / ("_kernels.dll" if self.system == "win32" else "_kernels.so")


class KernelsHook(BuildHookInterface[Any]):
    """Adds the library to the wheel. An editable installation finds it beside the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say in the wheel's tag for which machines it is."""
        target = _target(os.environ.get(PLATFORM, ""))
        with TemporaryDirectory() as folder:
            reason = _compile(Path(folder), target)
        if reason:
            if version == "editable":  # what is there may be of other sources
                target.library.unlink(missing_ok=True)
            self.app.display_warning(
                f"Without compiled kernels ({reason}): ONNX Runtime does their work, slower."
            )
            return
        build_data["artifacts"].append(target.library.relative_to(self.root).as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{target.tag}"


def _target(tag: str) -> Target:
    """What a platform's tag stands for; without one this machine."""
    if not tag:
        machine = _MACHINES.get(platform.machine().lower(), platform.machine())
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        if sys.platform == "darwin":  # of a Python for two machines this is one half
            tag = f"macosx_11_0_{'arm64' if machine == 'aarch64' else machine}"
        return Target(sys.platform, machine, tag)
    system = next((name for start, name in _SYSTEMS.items() if tag.startswith(start)), tag)
    return Target(system, next((name for end, name in _MACHINES.items() if tag.endswith(end)), tag), tag)


def _compile(folder: Path, target: Target) -> str:
    """Make the library beside the sources' package; return why it is not there, or nothing."""
    if target.system not in _COMPILING or target.machine not in _VARIANTS:
        return f"they are for Linux, macOS and Windows on x86-64 and Arm, this is {target.system} on {target.machine}"
    compiler = shlex.split(os.environ.get("CC", "clang" if target.system == "win32" else "cc"))
    try:
        objects = _objects(compiler, folder, target)
        made = folder / target.library.name
        _run([*compiler, "-shared", "-o", str(made), *objects, *_LINKING[target.system]])
        # A process may run the old one: a new file takes its place, where a changed one would crash it.
        staged = target.library.with_suffix(".new")
        shutil.copyfile(made, staged)
        staged.replace(target.library)
    except OSError as error:
        return f"{error.filename or compiler[0]}: {error.strerror}"
    except subprocess.CalledProcessError as error:
        return f"{shlex.join(compiler)} ended with {error.returncode}"
    return ""


def _objects(compiler: list[str], folder: Path, target: Target) -> list[str]:
    known = {name: _known(compiler, spellings) for name, spellings in _VARIANTS[target.machine].items()}
    known = {name: options for name, options in known.items() if options is not None}
    table = " ".join(f"X({name})" for name in known)
    flags = [*_FLAGS, *_COMPILING[target.system]]
    made = []
    for source in sorted(_HERE.glob("*.c")):
        if source.name in _FOR_ANY_PROCESSOR:
            options = [*flags, f"-DVARIANTS={table}"]
            made.append(_object(compiler, source, folder / f"{source.stem}.o", options))
            continue
        for name, instructions in known.items():
            options = [*flags, f"-DKERNELS={name}", *(instructions or ())]
            made.append(_object(compiler, source, folder / f"{source.stem}_{name}.o", options))
    return made


def _known(compiler: list[str], spellings: list[list[str]]) -> list[str] | None:
    """How a compiler is told of a kind of processor; None where it is too old for it, as GCC before 11 for AVX-VNNI."""
    for options in spellings:
        command = [*compiler, *options, "-E", "-x", "c", os.devnull]
        asked = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True)  # noqa: S603
        if asked.returncode == 0:
            return options
    return None


def _object(compiler: list[str], source: Path, made: Path, options: list[str]) -> str:
    _run([*compiler, *options, "-c", str(source), "-o", str(made)])
    return str(made)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)  # noqa: S603
