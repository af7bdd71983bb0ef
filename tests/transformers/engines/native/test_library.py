"""The kernels are compiled where there is a compiler, and nothing is missed where there is none."""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from localrank_transformers.engines.native import library as native
from localrank_transformers.models.cpu_features import cpu_features

KERNELS = Path(native.__file__).with_name("kernels")

on_linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"},
    reason="compiles kernels as Linux does",
)


COMPILER = shlex.split(os.environ.get("CC", "cc"))


def compiles() -> bool:
    """Return whether what compiles the kernels is there: `CC=false` says that nothing does."""
    if not shutil.which(COMPILER[0]):
        return False
    asked = subprocess.run([*COMPILER, "--version"], check=False, capture_output=True)
    return asked.returncode == 0


with_compiler = pytest.mark.skipif(not compiles(), reason="no C compiler")


@pytest.fixture
def builder(tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("localrank_kernels_build", KERNELS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._FOLDER = tmp_path
    return module


@on_linux
@with_compiler
def test_a_compiler_made_them_for_every_kind_of_processor(builder: ModuleType) -> None:
    names = [kernels.name for kernels in native.open_library(Path(native.__file__).with_name(native.FILE))]
    assert names == list(builder._VARIANTS[builder._target("").machine])


@on_linux
@with_compiler
def test_what_a_compiler_does_not_know_is_left_out(builder: ModuleType, tmp_path: Path) -> None:
    target = builder._target("")
    first, *others = builder._VARIANTS[target.machine]
    builder._VARIANTS[target.machine][first] = [["-mtomorrow"], ["-mday-after"]]
    assert builder._compile(tmp_path, target) == ""
    names = [kernels.name for kernels in native.open_library(tmp_path / native.FILE)]
    assert names == others


@on_linux
@with_compiler
def test_a_compiler_is_told_of_a_processor_as_it_understands_it(builder: ModuleType) -> None:
    assert builder._known(COMPILER, [["-mtomorrow"], ["-O1"]]) == ["-O1"]


@pytest.mark.parametrize(
    ("tag", "system", "machine"),
    [
        ("manylinux_2_17_aarch64", "linux", "aarch64"),
        ("musllinux_1_2_x86_64", "linux", "x86_64"),
        ("macosx_11_0_arm64", "darwin", "aarch64"),
        ("win_amd64", "win32", "x86_64"),
    ],
)
def test_a_wheels_platform_says_what_is_compiled_for(
    builder: ModuleType, tag: str, system: str, machine: str
) -> None:
    target = builder._target(tag)
    assert (target.system, target.machine, target.tag) == (system, machine, tag)
    assert target.library.suffix == (".dll" if system == "win32" else ".so")


def test_for_an_unknown_machine_there_is_a_reason(builder: ModuleType, tmp_path: Path) -> None:
    assert "linux_riscv64" in builder._compile(tmp_path, builder._target("linux_riscv64"))


@on_linux
@with_compiler
@pytest.mark.skipif("AVX2" not in (cpu_features() or ()), reason="a processor without AVX2")
def test_they_are_there_where_they_can_be() -> None:
    assert native.absence() is None


@pytest.mark.parametrize("compiler", ["false", "no-such-compiler"])
@on_linux
def test_without_a_compiler_there_is_a_reason(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    library = tmp_path / native.FILE
    library.touch()
    assert compiler in builder._compile(tmp_path, builder._target(""))
    assert library.stat().st_size == 0


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which the library is looked for."""
    monkeypatch.setattr(native, "__file__", str(tmp_path / "library.py"))
    native._opened.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    native._opened.cache_clear()


def reason() -> str:
    """Return why there is no library."""
    assert native.library() is None
    found = native.absence()
    assert found is not None
    return found.reason


@on_linux
def test_without_the_file_there_is_no_library(elsewhere: Path) -> None:
    assert "not compiled" in reason()


@on_linux
def test_a_file_for_another_machine_is_no_library(elsewhere: Path) -> None:
    (elsewhere / native.FILE).write_bytes(b"\x7fELF of another kind")
    assert "cannot be loaded" in reason()


@on_linux
@with_compiler
@pytest.mark.parametrize(
    "source", ["int localrank_interface(void) { return -1; }", "int other(void) { return 0; }"]
)
def test_a_library_of_other_sources_is_no_library(elsewhere: Path, source: str) -> None:
    subprocess.run(
        [*COMPILER, "-shared", "-fPIC", "-x", "c", "-", "-o", str(elsewhere / native.FILE)],
        input=source,
        text=True,
        check=True,
    )
    assert native.FILE in reason()


def test_out_of_an_archive_there_is_no_library(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(native, "__file__", str(elsewhere / "localrank.zip/native/library.py"))
    assert "archive" in reason()


def test_on_another_system_there_is_no_library(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert "freebsd14" in reason()


def test_on_another_machine_there_is_no_library(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "riscv64" in reason()
