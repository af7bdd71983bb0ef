"""Encoders with documents and what this machine makes of them, in files that `runner.c` reads on another one."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from localrank_transformers.engines.native.encoder import NativeEncoder
from localrank_transformers.engines.native.layout import NativeLayer, NativeLayout, read_layout
from localrank_transformers.engines.native.library import GivenQuery, Kernels
from localrank_transformers.families.late.known.packed import Bits, ByNumpy, pack_document, pack_query
from localrank_transformers.models import bundled
from tests.support import native_layouts
from tests.support.native_layouts import Document
from tests.support.token_vectors import random_case, random_vectors

__all__ = [
    "comparison_cases",
    "embedded_cases",
    "embedded_rows",
    "packing_cases",
    "random_cases",
    "write_case",
]

_LINE = 64
_HEAD = 10 * 8


def random_cases(kernels: Kernels, folder: Path, *, seed: int, count: int) -> Iterator[Path]:
    """Write random encoders, as the suite's, with random documents; inputs of every fourth one leave int32."""
    for at in range(seed, seed + count):
        random = np.random.default_rng(at)
        sizes = native_layouts.random_sizes(random, window=int(random.integers(1, 200)))
        layout = native_layouts.random_layout(random, sizes)
        if at % 4 == 0:
            layout = replace(layout, layers=tuple(_beyond_int32(layer) for layer in layout.layers))
        lengths = [int(n) for n in random.integers(1, sizes.window + 1, random.integers(1, 6))]
        documents = native_layouts.some_documents(random, sizes, lengths)
        yield write_case(kernels, layout, documents, folder / f"random_{at}.case")


def embedded_cases(kernels: Kernels, folder: Path, texts: Sequence[str]) -> Iterator[Path]:
    """Write each embedded model with these texts."""
    for name in bundled.bundled_names():
        layout, rows = embedded_rows(name, texts)
        documents = [(np.array(row, dtype=np.int64), np.zeros(len(row), dtype=np.int64)) for row in rows]
        yield write_case(kernels, layout, documents, folder / f"{name}.case")


def embedded_rows(name: str, texts: Sequence[str]) -> tuple[NativeLayout, list[list[int]]]:
    """Return an embedded model's weights, and the token ids of these texts.

    Raises:
        SystemExit: The kernels do not compute it.
    """
    content, check = bundled.read_model(name, "onnx/model_int8.onnx")
    check()
    layout = read_layout(content) if isinstance(content, Path) else None
    if layout is None:
        raise SystemExit(f"{name}: no layout")
    tokenizer = Tokenizer.from_buffer(bundled.read_file(name, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(len(layout.positions))
    return layout, [tokenizer.encode(text).ids for text in texts]


def write_case(kernels: Kernels, layout: NativeLayout, documents: Sequence[Document], place: Path) -> Path:
    """Write an encoder, documents that it runs end to end, and the numbers that `kernels` make of them."""
    encoder = NativeEncoder(kernels, layout)
    expected = native_layouts.run(encoder, documents)
    if not np.isfinite(expected).all():
        raise SystemExit(f"{place.name}: not finite")
    encoder._kept.clear()
    given = encoder._given(layout)
    blob = bytearray(_HEAD)
    moved = {array.ctypes.data: _placed(blob, array) for array in encoder._kept}
    layers = b"".join(_moved(given.layer[n], moved) for n in range(given.layers))
    moved[ctypes.addressof(given.layer.contents)] = _placed(blob, np.frombuffer(layers, dtype=np.uint8))
    of_given = _moved(given, moved)
    ids, types = (np.concatenate(parts) for parts in zip(*documents, strict=True))
    head = [
        _placed(blob, np.frombuffer(of_given, dtype=np.uint8)),
        len(documents),
        _placed(blob, ids),
        _placed(blob, types),
        _placed(blob, np.array([len(one) for one, _ in documents], dtype=np.int32)),
        _placed(blob, expected),
        expected.size,
        *(0, 0, 0),
    ]
    return _written(place, blob, head)


def comparison_cases(folder: Path, *, seed: int, count: int) -> Iterator[Path]:
    """Write random queries and documents for MaxSim, and what numpy makes of them."""
    for at in range(seed, seed + count):
        bits = _bits(at)
        query, documents = random_case(np.random.default_rng(at), bits)
        documents = [one for one in documents if one.tokens]
        blob = bytearray(_HEAD)
        moved = {array.ctypes.data: _placed(blob, array) for array in (query.numbers, query.weights)}
        given = GivenQuery(query.numbers.ctypes.data, query.weights.ctypes.data, *query.numbers.shape, bits)
        places = np.array([_placed(blob, one.data) for one in documents], dtype=np.uint64)
        head = [
            0,
            len(documents),
            0,
            0,
            _placed(blob, np.array([one.tokens for one in documents], dtype=np.int32)),
            _placed(blob, ByNumpy(bits)(query, documents)),
            len(documents),
            _placed(blob, places),
            _placed(blob, np.frombuffer(_moved(given, moved), dtype=np.uint8)),
            0,
        ]
        yield _written(folder / f"maxsim_{at}.case", blob, head)


def packing_cases(folder: Path, *, seed: int, count: int) -> Iterator[Path]:
    """Write random vectors, a few of which have no length, and what numpy packs them to, as a document and as a query."""
    for at in range(seed, seed + count):
        random, bits = np.random.default_rng(at), _bits(at)
        width = int(random.choice([random.integers(1, 140), 312, 384, 1024]))
        vectors = random_vectors(random, int(random.integers(1, 71)), width)
        vectors[random.random(len(vectors)) < 0.1] = 0
        counted = random.integers(0, 2, len(vectors)).astype(np.int64)
        document = pack_document(vectors, counted, bits=bits)
        query = pack_query(vectors, bits=bits)
        blob = bytearray(_HEAD)
        expected = np.concatenate(
            [document.data, *(one.reshape(-1).view(np.uint8) for one in (query.numbers, query.weights))]
        )
        packing = [
            *(_placed(blob, vectors), _placed(blob, counted), len(vectors), width, document.tokens, bits),
            *(document.data.nbytes, query.numbers.nbytes),
        ]
        head = [*(0, 0, 0, 0, 0), _placed(blob, expected), expected.size, *(0, 0), 0]
        head[-1] = _placed(blob, np.array(packing, dtype="<i8"))
        yield _written(folder / f"packing_{at}.case", blob, head)


def _bits(at: int) -> Bits:
    return 7 if at % 2 else 1


def _written(place: Path, blob: bytearray, head: Sequence[int]) -> Path:
    blob[:_HEAD] = np.array(head, dtype="<i8").tobytes()
    place.write_bytes(blob)
    return place


def _beyond_int32(layer: NativeLayer) -> NativeLayer:
    return replace(
        layer, inputs=tuple(replace(one, factors=one.factors * np.float32(1e9)) for one in layer.inputs)
    )


def _placed(blob: bytearray, array: npt.NDArray[np.generic]) -> int:
    blob.extend(bytes(-len(blob) % _LINE))
    at = len(blob)
    blob.extend(np.ascontiguousarray(array).tobytes())
    return at


def _moved(struct: ctypes.Structure, moved: dict[int, int]) -> bytes:
    """Return a structure with offsets for pointers."""
    content = np.frombuffer(bytes(struct), dtype=np.uint8).copy()
    for name, kind, *_ in struct._fields_:
        field = getattr(type(struct), name)
        of_this = content[field.offset : field.offset + field.size]
        is_address = kind is ctypes.c_void_p or issubclass(kind, ctypes._Pointer)
        if is_address or getattr(kind, "_type_", None) is ctypes.c_void_p:
            of_this.view("<u8")[:] = [moved[int(one)] if one else 0 for one in of_this.view("<u8")]
    return content.tobytes()
