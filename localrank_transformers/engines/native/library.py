"""The compiled kernels, where the package has them and the processor can run them."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from ctypes import POINTER, Structure, c_char_p, c_float, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from localrank.contract.errors import ModelLoadError

__all__ = [
    "FILE",
    "VARIABLE",
    "Absence",
    "GivenEncoder",
    "GivenLayer",
    "GivenPieces",
    "GivenQuery",
    "GivenRoom",
    "Kernels",
    "absence",
    "library",
    "open_library",
    "usable",
]

FILE = "_kernels.dll" if sys.platform == "win32" else "_kernels.so"
"""Comes with a wheel, or is made beside this module when the package is built with a C compiler (`kernels/build.py`)."""

INTERFACE = 7
"""`LOCALRANK_INTERFACE` of kernels/door.h, as which a library says that it was compiled."""

VARIABLE = "LOCALRANK_KERNELS"
"""The environment variable that names other kernels than the fastest: `avx512`, `avxvnni` or `avx2` on x86-64, on Arm `i8mm`,
`dotprod` or `neon`. All give the same bits."""

_SYSTEMS = frozenset({"linux", "darwin", "win32"})
_MACHINES = frozenset({"x86_64", "amd64", "aarch64", "arm64"})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Absence:
    """Why the kernels cannot run, and what would change that, if anything does."""

    reason: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Kernels:
    """Those for one kind of processor.

    Attributes:
        functions: Of kernels/door.h.
        number: Which they are in the library.
        name: The instructions that they use.
    """

    functions: ctypes.CDLL
    number: int
    name: str

    @property
    def is_supported(self) -> bool:
        """Whether this processor has the instructions."""
        return bool(self.functions.localrank_is_supported(self.number))


class GivenLayer(Structure):
    """`given_layer` of kernels/encoder.h."""

    _fields_ = (
        ("weights", c_void_p * 6),
        ("biases", c_void_p * 6),
        ("gains", c_void_p * 2),
        ("shifts", c_void_p * 2),
        ("scales", c_void_p * 6),
        ("factors", c_void_p * 4),
        ("input_scales", c_float * 4),
        ("offsets", c_int32 * 4),
    )


class GivenEncoder(Structure):
    """`given_encoder` of kernels/encoder.h."""

    _fields_ = (
        *(
            (name, c_int32)
            for name in (
                "is_int8",
                "word_blocks",
                "width",
                "heads",
                "inner",
                "layers",
                "vocabulary",
                "window",
                "segments",
                "labels",
                "head_gelu",
            )
        ),
        ("epsilon", c_float),
        *(
            (name, c_void_p)
            for name in (
                "words",
                "word_scales",
                "positions",
                "types",
                "gain",
                "shift",
                "dense",
                "dense_bias",
                "out",
                "out_bias",
            )
        ),
        ("layer", POINTER(GivenLayer)),
    )


class GivenQuery(Structure):
    """`token_vectors` of kernels/maxsim.h."""

    _fields_ = (
        ("vectors", c_void_p),
        ("weights", c_void_p),
        ("tokens", c_int32),
        ("width", c_int32),
        ("bits", c_int32),
    )


class GivenRoom(Structure):
    """`given_room` of kernels/vocabulary.h."""

    _fields_ = (("pieces", c_void_p), ("lengths", c_void_p), ("scores", c_void_p))


class GivenPieces(Structure):
    """`given_pieces` of kernels/unigram.h."""

    _fields_ = (
        ("pieces", c_void_p),
        ("lengths", c_void_p),
        ("scores", c_void_p),
        ("count", c_int32),
        ("unknown", c_int32),
        ("at_blanks", c_int32),
    )


def library() -> Kernels | None:
    """Return the kernels that encoders run on: the fastest for this processor, or those that `VARIABLE` names.

    Returns:
        None where none can run.

    Raises:
        ModelLoadError: `VARIABLE` names what is not there, or what this processor cannot run.
    """
    wanted = os.environ.get(VARIABLE, "")
    found = _opened()
    if not wanted:
        return None if isinstance(found, Absence) or not found else found[0]
    if isinstance(found, Absence):
        raise ModelLoadError(
            f"{VARIABLE} is {wanted!r}, and there are no compiled kernels: {found.reason}.",
            hint=found.remedy or f"Unset {VARIABLE}.",
        )
    for kernels in found:
        if kernels.name == wanted:
            return kernels
    raise ModelLoadError(
        f"{VARIABLE} is {wanted!r}, which is no name of kernels that this processor can run.",
        hint=f"Unset it, or set it to one of: {', '.join(kernels.name for kernels in found) or 'none'}.",
    )


def usable() -> tuple[Kernels, ...]:
    """Return all kernels that this processor can run, the fastest first."""
    found = _opened()
    return () if isinstance(found, Absence) else found


def absence() -> Absence | None:
    """Return why no kernels can run; None where some can."""
    found = _opened()
    return found if isinstance(found, Absence) else None


def open_library(place: Path) -> list[Kernels]:
    """Return all kernels of a compiled library, also those that this processor cannot run.

    Raises:
        OSError: It cannot be loaded.
        AttributeError: It is another library.
        LookupError: It was compiled from other sources.
    """
    found = ctypes.CDLL(str(place))
    if found.localrank_interface() != INTERFACE:
        raise LookupError(place)
    _declare(found)
    known: list[Kernels] = []
    while (name := found.localrank_name(len(known))) is not None:
        known.append(Kernels(found, len(known), name.decode("ascii")))
    return known


@cache
def _opened() -> tuple[Kernels, ...] | Absence:
    place = Path(__file__).with_name(FILE)
    return _why_missing(place) or _loaded(place)


def _why_missing(place: Path) -> Absence | None:
    if sys.platform not in _SYSTEMS or platform.machine().lower() not in _MACHINES:
        return Absence(
            f"they are for Linux, macOS and Windows on x86-64 and Arm, this is {sys.platform} on {platform.machine()}"
        )
    if not place.parent.is_dir():
        return Absence("they cannot be loaded out of an archive", "Install localrank with pip.")
    if not place.is_file():
        return Absence(
            "they were not compiled when localrank was installed",
            "Install a wheel for this system, or install from source where there is a C compiler.",
        )
    return None


def _loaded(place: Path) -> tuple[Kernels, ...] | Absence:
    try:
        known = open_library(place)
    except (OSError, AttributeError) as error:
        return Absence(f"{FILE} cannot be loaded: {error}", "Install localrank again.")
    except LookupError:
        return Absence(f"{FILE} was compiled from other sources", "Install localrank again.")
    found = tuple(kernels for kernels in known if kernels.is_supported)
    return found or Absence("this processor lacks AVX2 with FMA")


def _declare(functions: ctypes.CDLL) -> None:
    """State the types of kernels/door.h, without which ctypes would cut pointers."""
    functions.localrank_name.restype = c_char_p
    functions.localrank_encoder_new.restype = c_void_p
    functions.localrank_encoder_new.argtypes = [POINTER(GivenEncoder), c_int32]
    functions.localrank_encoder_free.restype = None
    functions.localrank_encoder_free.argtypes = [c_void_p]
    functions.localrank_room.restype = c_int64
    functions.localrank_room.argtypes = [c_void_p, c_void_p, c_int32, c_int32]
    functions.localrank_run.restype = c_int32
    functions.localrank_run.argtypes = [c_void_p] * 5 + [c_int32, c_int32, c_void_p, c_void_p]
    functions.localrank_pack.restype = c_int32
    functions.localrank_pack.argtypes = [c_void_p, c_void_p, *[c_int32] * 4, c_void_p, c_int32]
    functions.localrank_pack_query.restype = c_int32
    functions.localrank_pack_query.argtypes = [c_void_p, *[c_int32] * 3, c_void_p, c_void_p, c_int32]
    functions.localrank_compare.restype = None
    functions.localrank_compare.argtypes = [
        POINTER(GivenQuery),
        c_void_p,
        c_void_p,
        c_int32,
        c_void_p,
        c_int32,
    ]
    functions.localrank_unigram_new.restype = c_void_p
    functions.localrank_unigram_new.argtypes = [POINTER(GivenPieces)]
    functions.localrank_unigram_free.restype = None
    functions.localrank_unigram_free.argtypes = [c_void_p]
    functions.localrank_unigram_id.restype = c_int32
    functions.localrank_unigram_id.argtypes = [c_void_p, c_char_p, c_int32]
    functions.localrank_unigram_read.restype = c_int64
    functions.localrank_unigram_read.argtypes = [c_void_p, c_char_p, c_int64, c_void_p]
    functions.localrank_vocabulary_read.restype = c_int64
    functions.localrank_vocabulary_read.argtypes = [c_void_p, c_int64, POINTER(GivenRoom), POINTER(c_int64)]
