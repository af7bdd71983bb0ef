"""Fields of a protocol buffer, as the onnx package writes and reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from localrank_transformers.models.onnx_file.wire import (
    MalformedOnnxError,
    delimited,
    fields,
    messages,
    number,
    varint,
)


@given(st.integers(0, 2**63 - 1), st.integers(1, 9))
def test_a_number_is_read_as_it_was_written_whatever_its_width(value: int, width: int) -> None:
    encoded = varint(value, width=width)
    assert len(encoded) >= width
    assert number(encoded, 0, len(encoded)) == value


@given(st.text(max_size=300), st.integers(0, 2**31 - 1))
def test_a_message_of_the_onnx_package_is_taken_apart_without_a_gap(name: str, kind: int) -> None:
    content = TensorProto(name=name, data_type=kind, dims=[3, 5], float_data=[0.5]).SerializeToString()
    found = list(fields(content, 0, len(content)))
    edges = [begin for _, _, begin, _, _ in found] + [len(content)]
    assert [end for *_, end in found] == edges[1:]
    values = {field: (first, end) for field, _, _, first, end in found}
    assert number(content, *values[2]) == kind
    assert content[slice(*values.get(8, (0, 0)))].decode() == name


def test_what_is_written_is_read_by_the_onnx_package() -> None:
    tensor = TensorProto.FromString(delimited(8, b"weights") + b"\x4a" + varint(3, width=5) + b"abc")
    assert (tensor.name, tensor.raw_data) == ("weights", b"abc")


def test_only_fields_of_bytes_are_messages() -> None:
    content = TensorProto(name="w", data_type=1).SerializeToString()
    assert [content[first:end] for _, first, end in messages(content, 0, len(content))] == [b"w"]


@pytest.mark.parametrize(
    "content", [b"\x0a\x05abc", b"\x0f", b"\x08", b"\x0d\x00\x00", b"\x09\x00", b"\x80" * 11, b"\x08\x80"]
)
def test_bytes_that_break_off_or_begin_no_field_are_malformed(content: bytes) -> None:
    with pytest.raises(MalformedOnnxError):
        list(fields(content, 0, len(content)))
