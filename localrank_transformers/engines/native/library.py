"""The compiled kernels, where the package has them and the processor can run them."""

from __future__ import annotations

import ctypes
import platform
import sys
from ctypes import POINTER, Structure, c_float, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["FILE", "Absence", "GivenEncoder", "GivenLayer", "absence", "library"]

FILE = "_kernels.so"
"""Made beside this module when the package is built on Linux with a C compiler (`kernels/`)."""

INTERFACE = 2
"""`LOCALRANK_INTERFACE` of kernels/encoder.h, as which a library says that it was compiled."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Why the kernels cannot run, and what would change that, if anything does."""

    reason: str
    remedy: str | None = None


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


def library() -> ctypes.CDLL | None:
    """Return the kernels; None where they cannot run."""
    found = _opened()
    return None if isinstance(found, Absence) else found


def absence() -> Absence | None:
    """Return why the kernels cannot run; None where they can."""
    found = _opened()
    return found if isinstance(found, Absence) else None


@cache
def _opened() -> ctypes.CDLL | Absence:
    place = Path(__file__).with_name(FILE)
    return _why_missing(place) or _loaded(place)


def _why_missing(place: Path) -> Absence | None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Absence("they are for Linux on x86-64")
    if not place.parent.is_dir():
        return Absence("they cannot be loaded out of an archive", "Install localrank with pip.")
    if not place.is_file():
        return Absence(
            "they were not compiled when localrank was installed",
            "Install localrank again where there is a C compiler.",
        )
    return None


def _loaded(place: Path) -> ctypes.CDLL | Absence:
    try:
        found = ctypes.CDLL(str(place))
        is_of_these_sources = found.localrank_interface() == INTERFACE
    except (OSError, AttributeError) as error:
        return Absence(f"{FILE} cannot be loaded: {error}", "Install localrank again.")
    if not is_of_these_sources:
        return Absence(f"{FILE} was compiled from other sources", "Install localrank again.")
    if not found.localrank_is_supported():
        return Absence("this processor lacks AVX-512 with VNNI")
    return _declared(found)


def _declared(kernels: ctypes.CDLL) -> ctypes.CDLL:
    """State the types of kernels/encoder.h, without which ctypes would cut pointers."""
    kernels.localrank_encoder_new.restype = c_void_p
    kernels.localrank_encoder_new.argtypes = [POINTER(GivenEncoder)]
    kernels.localrank_encoder_free.restype = None
    kernels.localrank_encoder_free.argtypes = [c_void_p]
    kernels.localrank_room.restype = c_int64
    kernels.localrank_room.argtypes = [c_void_p, c_void_p, c_int32, c_int32]
    kernels.localrank_run.restype = c_int32
    kernels.localrank_run.argtypes = [c_void_p] * 5 + [c_int32, c_int32, c_void_p, c_void_p]
    return kernels
