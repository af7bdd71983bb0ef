"""Unigram tokenizers whose pieces the kernels find: the library's own ids, whatever the text and the vocabulary."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import NFKC
from tokenizers.pre_tokenizers import Metaspace, PreTokenizer, Whitespace, WhitespaceSplit
from tokenizers.pre_tokenizers import Sequence as Splits
from tokenizers.processors import TemplateProcessing

from localrank import ModelLoadError
from localrank_transformers.engines.native.library import usable
from localrank_transformers.engines.native.pieces import fastest_finder
from localrank_transformers.families.opening import open_tokenizer
from localrank_transformers.families.tokenization import PairTokenizer, cut_documents, token_spans
from localrank_transformers.models.folder.stated.pairs import PairSettings
from localrank_transformers.models.folder.stated.tokenizer import read_tokenizer
from localrank_transformers.models.folder.stated.unigram import PieceFinder, UnigramTokenizer
from tests.support.separate_package import PACKAGE

pytestmark = pytest.mark.skipif(not usable(), reason="no kernels can run here")

TEXTS = [
    "",
    " \t\n\r ",
    "Plain words, twice: plain words!",
    "naïve CAFÉ — “ünïcode” résumé cafe\u0301 \u0301a",
    "東京は日本の首都です。 東京　タワー",
    "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย",
    "عاصمة فرنسا هي باريس",
    "프랑스의 수도는 파리이다",
    "ΟΔΥΣΣΕΥΣ İstanbul ﬁne Ⅳ ㎏ ½",
    "emoji 🎉🎉 👩‍👩‍👧 x ☃☃☃ \U0001f9ff",
    "a\x00b c\x01d\x7fe odd\ufeff\u200b\ufdd0\ufffd",
    "a\x0bb c\x0cd e\x1cf g\x1dh\x85n no\xa0break em\u2003space line\u2028end para\u2029end",
    "\u2581 a\u2581b \u2581\u2581c d\u2581 \u2581",
    "x <s> y</s>z <mask> <unk> <pad> <s><s> < s>",
    "full width \uff1cs\uff1e and <\u200ds>",
    "w" * 3000,
    "\u6771" * 700,
]

SPLITS: list[Callable[[], PreTokenizer]] = [
    lambda: Splits([WhitespaceSplit(), Metaspace()]),
    Metaspace,
]


def opened(content: bytes, said: PairSettings = PairSettings()) -> UnigramTokenizer:  # noqa: B008  # it is frozen
    found, _ = tried(content, said)
    assert isinstance(found, UnigramTokenizer)
    return found


def tried(
    content: bytes,
    said: PairSettings = PairSettings(),  # noqa: B008
    finder: PieceFinder | None = fastest_finder(),  # noqa: B008
) -> tuple[Any, PairSettings]:
    files: Any = SimpleNamespace(tokenizer_json=content, pairs=said)
    return open_tokenizer(files, finder)


@cache
def multilingual() -> bytes:
    return (PACKAGE / "localrank_multilingual/tokenizer.json").read_bytes()


@cache
def both() -> tuple[UnigramTokenizer, Tokenizer]:
    return opened(multilingual()), read_tokenizer(multilingual(), PairSettings())[0]


def ids(tokenizer: UnigramTokenizer | Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    return [list(one.ids) for one in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


SPECIAL = ("<s>", "</s>", "<unk>")


def small(
    pieces: Sequence[tuple[str, float]] = (("\u2581", -2.0), ("a", -3.0), ("\u2581ab", -1.5), ("b", -4.0)),
    splits: PreTokenizer | None = None,
    added: Sequence[AddedToken] = tuple(AddedToken(one, special=True, normalized=False) for one in SPECIAL),
    **model: Any,
) -> dict[str, Any]:
    """Return a tokenizer's file, its special tokens before its pieces."""
    vocabulary = [*((one, 0.0) for one in SPECIAL), *pieces]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = SPLITS[0]() if splits is None else splits
    tokenizer.add_special_tokens(list(added))
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    described: dict[str, Any] = json.loads(tokenizer.to_str())
    described["model"] |= model
    return described


def written(described: dict[str, Any]) -> bytes:
    return json.dumps(described).encode()


@pytest.mark.parametrize("text", TEXTS)
def test_the_ids_are_the_librarys_own(text: str) -> None:
    own, library = both()
    assert ids(own, [text]) == ids(library, [text])


@given(st.text())
def test_the_ids_of_any_text_are_the_librarys_own(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    own, library = both()
    assert ids(own, [text]) == ids(library, [text])


LETTERS = "ab\u2581é東\U0001f389"


@pytest.mark.parametrize("splits", SPLITS, ids=["at blanks", "as they are"])
@given(
    pieces=st.lists(
        st.tuples(st.text(LETTERS, min_size=1, max_size=4), st.sampled_from([-1.0, -2.0, -3.0, -4.5, -40.0])),
        max_size=30,
    ),
    texts=st.lists(st.text(LETTERS + " \n\u3000c<s>", max_size=40), min_size=1, max_size=4),
)
def test_the_ids_are_the_librarys_own_for_any_pieces(
    splits: Callable[[], PreTokenizer], pieces: list[tuple[str, float]], texts: list[str]
) -> None:
    content = written(small(pieces, splits()))
    assert ids(opened(content), texts) == ids(Tokenizer.from_str(content.decode()), texts)


def test_of_equal_paths_the_one_that_the_library_takes_is_taken() -> None:
    pieces = [("\u2581", -1.0), ("a", -1.0), ("b", -1.0), ("ab", -2.0), ("\u2581a", -2.0), ("aab", -3.0)]
    content = written(small(pieces))
    texts = ["ab", "aab", "aaab", "abab"]
    assert ids(opened(content), texts) == ids(Tokenizer.from_str(content.decode()), texts)


def test_letters_without_a_piece_are_one_unknown_token_a_run() -> None:
    tokenizer = opened(written(small()))
    assert ids(tokenizer, ["xyz", "xay"]) == [[3, 2], [3, 2, 4, 2]]


def test_the_last_of_equal_pieces_counts() -> None:
    content = written(small([("\u2581", -1.0), ("a", -9.0), ("a", -2.0), ("\u2581a", -5.0)]))
    assert ids(opened(content), ["a"]) == ids(Tokenizer.from_str(content.decode()), ["a"]) == [[3, 5]]


def test_texts_are_normalized_as_the_files_say() -> None:
    described = small([("\u2581", -2.0), ("a", -3.0), ("\u2581fi", -1.0)])
    described["normalizer"] = json.loads(NFKC().__getstate__())
    content = written(described)
    assert ids(opened(content), ["\ufb01 \uff41"]) == [[5, 3, 4]]
    small_first = opened(content, PairSettings(lowercase_first=True))
    assert ids(small_first, ["\ufb01 A"]) == [[5, 3, 4]]


def test_tokens_are_found_in_raw_text_as_the_library_finds_them() -> None:
    added = [
        AddedToken("<s>", normalized=False, rstrip=True),
        AddedToken("<unk>", normalized=False, single_word=True),
    ]
    content = written(small(added=added))
    texts = ["a<s>  b", "a <unk>b <unk> b", "<s>", "</s> a"]
    assert ids(opened(content), texts) == ids(Tokenizer.from_str(content.decode()), texts)


def test_pairs_are_joined_by_the_template() -> None:
    content = written(small())
    own, library = opened(content), Tokenizer.from_str(content.decode())
    for texts in [("ab a",), ("ab <s>x", "b aab"), ("", "a")]:
        found, wanted = own.encode(*texts), library.encode(*texts)
        assert list(found.ids) == wanted.ids
        assert list(found.type_ids) == wanted.type_ids
        assert list(found.sequence_ids) == wanted.sequence_ids
        assert list(found.special_tokens_mask) == wanted.special_tokens_mask


def test_a_cross_encoders_rows_are_the_librarys() -> None:
    own, library = both()
    for query, document in [("What is it?", "東京 is <mask> it"), ("q", "a b c " * 400)]:
        rows = []
        for tokenizer in (own, library):
            pairs = PairTokenizer(tokenizer, max_length=64)
            asked = pairs.query(query)
            row = pairs.row(asked, pairs.documents(asked, [document])[0])
            rows.append((row.ids.tolist(), row.types.tolist()))
        assert rows[0] == rows[1]


def test_long_texts_are_cut_as_with_the_library() -> None:
    own, library = both()
    texts = ["word " * 5000, "\u200b" * 5000 + "end", "x" * 20_000, "short"]
    for left in (False, True):
        assert cut_documents(own, texts, 30, left=left) == cut_documents(library, texts, 30, left=left)


def test_tokens_have_the_librarys_ids() -> None:
    own, library = both()
    for token in ["<s>", "<mask>", "\u2581the", "the", ",", "no such piece at all", "\u6771\u4eac", ""]:
        assert own.token_to_id(token) == library.token_to_id(token)


def test_spans_are_the_librarys() -> None:
    own, library = both()
    text = "ﬁne 東京 cafe\u0301 words"
    assert token_spans(own, text) == token_spans(library, text)


def test_many_threads_read_at_once() -> None:
    own, library = both()
    wanted = ids(library, TEXTS)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == wanted for found in pool.map(lambda _: ids(own, TEXTS), range(40)))


def test_no_piece_is_kept_by_the_library() -> None:
    own, _ = both()
    assert own._frame.get_vocab_size(with_added_tokens=False) == 1


def without(described: dict[str, Any], *path: str) -> dict[str, Any]:
    inner = described
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return described


@pytest.mark.parametrize(
    "described",
    [
        small(byte_fallback=True),
        small(splits=Whitespace()),
        small(splits=Metaspace(prepend_scheme="never")),
        small(splits=Metaspace(prepend_scheme="first")),
        small(splits=Metaspace(split=False)),
        small(splits=Metaspace(replacement="_")),
        small(splits=Splits([WhitespaceSplit(), Metaspace(), Whitespace()])),
        small(added=[AddedToken("<s>", normalized=True)]),
        small(added=[AddedToken("of its own", normalized=False)]),
        small(unk_id=None),
        without(small(), "pre_tokenizer"),
    ],
)
def test_another_kind_is_left_to_the_library(described: dict[str, Any]) -> None:
    try:
        wanted = read_tokenizer(written(described), PairSettings())[0]
    except ModelLoadError:
        with pytest.raises(ModelLoadError):
            tried(written(described))
        return
    found, _ = tried(written(described))
    assert isinstance(found, Tokenizer)
    assert ids(found, TEXTS[:12]) == ids(wanted, TEXTS[:12])


def test_a_special_token_that_only_other_files_name_is_left_to_the_library() -> None:
    found, _ = tried(written(small()), PairSettings(special=("ab",)))
    assert isinstance(found, Tokenizer)


@pytest.mark.parametrize(
    "model",
    [
        {"vocab": [["a"]]},
        {"vocab": [["a", "1.5"]]},
        {"vocab": [["a", float("nan")]]},
        {"vocab": [["a", 10**400]]},
        {"vocab": {"a": 1}},
        {"vocab": [["\ud800", -1.0]]},
        {"unk_id": 99},
    ],
)
def test_a_damaged_file_is_the_librarys_error(model: dict[str, Any]) -> None:
    content = written(small(**model))
    with pytest.raises(ModelLoadError, match=r"tokenizer\.json cannot be read"):
        tried(content)


def test_a_letter_that_is_cut_between_two_pieces_is_the_librarys_error() -> None:
    whole = written(small([("\u2581", -1.0), ("XX", -2.0), ("YY", -3.0)]))
    with pytest.raises(ModelLoadError, match=r"tokenizer\.json cannot be read"):
        tried(whole.replace(b'"XX"', b'"a\xe6"').replace(b'"YY"', b'"\x9d\xb1"'))


def test_a_file_that_is_cut_off_is_the_librarys_error() -> None:
    with pytest.raises(ModelLoadError, match=r"tokenizer\.json cannot be read"):
        tried(multilingual()[:100_000])


def test_without_kernels_the_library_does_it() -> None:
    assert isinstance(tried(written(small()), finder=None)[0], Tokenizer)
