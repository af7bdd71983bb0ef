"""The compiled kernels, where the package has them and the processor can run them."""

from __future__ import annotations

import ctypes
import platform
import sys
from ctypes import POINTER, Structure, c_float, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path

__all__ = ["FILE", "GivenEncoder", "GivenLayer", "library", "why_absent"]

FILE = "_kernels.so"
"""Made beside this module when the package is built on Linux with a C compiler (`kernels/`)."""


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
    return None if isinstance(found, str) else found


def why_absent() -> str | None:
    """Return why the kernels cannot run, in words; None where they can."""
    found = _opened()
    return found if isinstance(found, str) else None


@cache
def _opened() -> ctypes.CDLL | str:
    place = Path(__file__).with_name(FILE)
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "they are for Linux on x86-64"
    if not place.is_file():
        return "they were not compiled when localrank was installed"
    try:
        found = ctypes.CDLL(str(place))
    except OSError as error:
        return f"{FILE} cannot be loaded: {error}"
    found.localrank_is_supported.restype = c_int32
    if not found.localrank_is_supported():
        return "this processor lacks AVX-512 with VNNI"
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
