"""Build a wheel for each platform on Linux, and check what its library wants of a system: `python .ci/wheels.py --out dist`.

One pinned compiler, Zig's clang, makes the kernels for all: it brings these systems' C libraries, so that nothing else need be
here. Everything is made in new virtual environments from the source distribution. `--only` names some of the platforms.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOLS = ("ziglang==0.17.1", "build>=1.2", "hatchling>=1.27", "lief>=0.17", "auditwheel>=6.4")
LIBRARY = "localrank_transformers/engines/native/_kernels"
PURE = "any"
MODELS = ROOT / "packages" / "localrank_multilingual"
"""A distribution of its own, with no code to compile."""


@dataclass(frozen=True)
class Platform:
    """What a wheel is compiled for.

    Attributes:
        target: As Zig names it.
        wants: The libraries of the system that its library may want.
        newest: The newest version of glibc's symbols, or of macOS, that it may want.
    """

    target: str
    wants: frozenset[str]
    newest: tuple[int, ...] = ()


_GLIBC = frozenset({"libc.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"})
_MUSL = frozenset({"libc.so"})
_MACOS = frozenset({"/usr/lib/libSystem.B.dylib"})
_LINKERS_OWN = frozenset({"__dso_handle", "_mh_dylib_header"})
"""Of macOS, in every library."""

_WINDOWS = frozenset({"kernel32.dll", "ntdll.dll", "api-ms-win-crt-*"})

PLATFORMS = {
    "manylinux_2_17_x86_64": Platform("x86_64-linux-gnu.2.17", _GLIBC, (2, 17)),
    "manylinux_2_17_aarch64": Platform("aarch64-linux-gnu.2.17", _GLIBC, (2, 17)),
    "musllinux_1_2_x86_64": Platform("x86_64-linux-musl", _MUSL),
    "musllinux_1_2_aarch64": Platform("aarch64-linux-musl", _MUSL),
    "macosx_11_0_arm64": Platform("aarch64-macos.11.0", _MACOS, (11, 0)),
    "macosx_11_0_x86_64": Platform("x86_64-macos.11.0", _MACOS, (11, 0)),
    "win_amd64": Platform("x86_64-windows-gnu", _WINDOWS),
}
"""By the tag of the wheel."""


def main() -> int:
    """Build and check; return 1 if a library wants what it may not."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=Path("dist"))
    options.add_argument("--only", nargs="*", default=[*PLATFORMS, PURE], choices=[*PLATFORMS, PURE])
    options.add_argument("--check", type=Path, help="check the wheels of a folder only, with lief at hand")
    arguments = options.parse_args()
    if arguments.check:
        return _check(sorted(arguments.check.glob("*.whl")))
    out = arguments.out.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        python = folder / "venv" / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", *TOOLS], check=True)
        sources = _sources(python, folder, out)
        for tag in arguments.only:
            _build(python, sources, out, tag)
        if PURE in arguments.only:
            models = [python, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "-w", out, MODELS]
            subprocess.run(models, check=True)
        check = [python, Path(__file__).resolve(), "--check", out]
        return subprocess.run(check, check=False).returncode


def _sources(python: Path, folder: Path, out: Path) -> Path:
    """Build the source distribution and return what it unpacks to."""
    command = [python, "-m", "build", "--sdist", "--no-isolation", "--outdir", out, ROOT]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    newest = max(out.glob("localrank-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    with tarfile.open(newest) as archive:
        archive.extractall(folder, filter="data")
    return folder / newest.name.removesuffix(".tar.gz")


def _build(python: Path, sources: Path, out: Path, tag: str) -> None:
    environment = {**os.environ, "CC": "false"}
    if tag != PURE:
        # Debugging information would be five sixths of a library; macOS has it in other files.
        strip = "" if tag.startswith("macosx") else " -s"
        environment |= {
            "CC": f"{python} -m ziglang cc -target {PLATFORMS[tag].target}{strip}",
            "LOCALRANK_PLATFORM": tag,
        }
    command = [python, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, sources]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    for left in sources.glob(f"{LIBRARY}.*"):
        left.unlink()
    if not any(out.glob(f"localrank-*-{tag}.whl")):
        raise SystemExit(f"no wheel for {tag}: its kernels do not compile")
    print(f"built for {tag}", flush=True)


def _check(wheels: list[Path]) -> int:
    failed = 0
    for wheel in wheels:
        tag = wheel.stem.rsplit("-", 1)[-1]
        faults = [*_faults(wheel, tag), *_audited(wheel, tag)]
        print(f"{wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB: {'; '.join(faults) or 'as it should be'}")
        failed += bool(faults)
    return int(failed > 0)


def _faults(wheel: Path, tag: str) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        found = [name for name in archive.namelist() if name.startswith(LIBRARY)]
        if tag == PURE:
            return [f"holds {name}" for name in found]
        if len(found) != 1:
            return [f"holds {len(found)} libraries"]
        content = archive.read(found[0])
    import lief  # noqa: PLC0415  # of the environment that this makes

    binary = lief.parse(list(content))
    platform = PLATFORMS[tag]
    if isinstance(binary, lief.ELF.Binary):
        wanted, newest, exported = _of_elf(binary)
    elif isinstance(binary, lief.MachO.Binary):
        wanted = {
            one.name for one in binary.libraries if one.command == lief.MachO.LoadCommand.TYPE.LOAD_DYLIB
        }
        newest = tuple(binary.build_version.minos[:2])
        exported = {one.name.removeprefix("_") for one in binary.exported_symbols} - _LINKERS_OWN
    else:
        wanted = {
            "api-ms-win-crt-*" if one.name.lower().startswith("api-ms-win-crt-") else one.name.lower()
            for one in binary.imports
        }
        newest, exported = (), {one.name for one in binary.get_export().entries}
    faults = [f"wants {name}" for name in sorted(wanted - platform.wants)]
    faults += [f"wants version {newest}"] if newest > platform.newest else []
    faults += [] if "localrank_run" in exported else ["exports no localrank_run"]
    return faults + [f"exports {name}" for name in sorted(exported) if not name.startswith("localrank_")]


def _of_elf(binary: object) -> tuple[set[str], tuple[int, ...], set[str]]:
    import lief  # noqa: PLC0415

    assert isinstance(binary, lief.ELF.Binary)
    versions = [
        tuple(int(part) for part in one.name.removeprefix("GLIBC_").split("."))
        for needed in binary.symbols_version_requirement
        for one in needed.get_auxiliary_symbols()
    ]
    exported = {one.name for one in binary.exported_symbols}
    return set(binary.libraries), max(versions, default=()), exported


def _audited(wheel: Path, tag: str) -> list[str]:
    """What auditwheel has to say of a wheel for glibc.

    It knows musl by Alpine's name alone, `libc.musl-x86_64.so.1`. Zig links with `libc.so`, and musl's loader takes itself for
    both (ldso/dynlink.c, `load_library`): what such a library wants is for `_faults` to say.
    """
    if "manylinux" not in tag:
        return []
    command = [sys.executable, "-m", "auditwheel", "show", str(wheel)]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if run.returncode:
        return [f"auditwheel: {run.stderr.strip().splitlines()[-1]}"]
    return [] if tag in run.stdout else [f"auditwheel: {' '.join(run.stdout.split())}"]


if __name__ == "__main__":
    raise SystemExit(main())
