"""Images in documents: what counts as one, and how it becomes an address; nothing is fetched or opened."""

from __future__ import annotations

from typing import Any

import pytest

from localrank.providers.images import count_images, image_address, image_of

PNG = b"\x89PNG\r\n\x1a\n\x00"


@pytest.mark.parametrize("held", ["https://a.example/1.png", "data:image/png;base64,iVBORw0KGgo=", PNG])
def test_a_text_or_bytes_under_image_is_one(held: Any) -> None:
    assert image_of({"image": held, "text": "t"}) == held


@pytest.mark.parametrize(
    "document", [{"image": ""}, {"image": None}, {"image": 7}, {"text": "t"}, "image", object(), {}]
)
def test_what_is_no_image_is_none(document: Any) -> None:
    assert image_of(document) is None


def test_bytes_of_every_kind_are_taken() -> None:
    assert image_of({"image": bytearray(PNG)}) == image_of({"image": memoryview(PNG)}) == PNG


def test_images_are_counted() -> None:
    assert count_images([{"image": PNG}, {"text": "t"}, {"image": "x"}]) == 2


@pytest.mark.parametrize(
    ("image", "address"),
    [
        ("https://a.example/1.png", "https://a.example/1.png"),
        ("HTTP://a.example/1.png", "HTTP://a.example/1.png"),
        ("data:image/webp;base64,UklG", "data:image/webp;base64,UklG"),
        (PNG, "data:image/png;base64,iVBORw0KGgoA"),
        (b"\xff\xd8\xff\xe0", "data:image/jpeg;base64,/9j/4A=="),
        (b"GIF89a", "data:image/gif;base64,R0lGODlh"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8", "data:image/webp;base64,UklGRgAAAABXRUJQVlA4"),
    ],
)
def test_an_image_becomes_an_address(image: str | bytes, address: str) -> None:
    assert image_address(image) == address


@pytest.mark.parametrize(
    "image",
    ["/etc/passwd", "file:///etc/passwd", "photo.png", "iVBORw0KGgo=", "data:text/html,x", b"%PDF-1.7"],
)
def test_a_path_or_another_kind_of_file_is_refused(image: str | bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        image_address(image)
