"""Rows of a late-interaction model: markers, expansion, lengths, and the tokens that are compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from localrank import ModelLoadError
from localrank_transformers.families.late.tokens import LateTokenizer
from localrank_transformers.models.folder.late_layout import LateLayout, is_late_interaction, read_late_layout
from localrank_transformers.models.folder.settings_files import SettingsFiles
from localrank_transformers.models.folder.stated.settings import Settings

WORDS = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]", ".", "a", "b", "c"]
PYLATE = [{"path": "", "type": "x.Transformer"}, {"path": "1_Dense", "type": "pylate.models.Dense.Dense"}]
LAYOUT = LateLayout(
    encoder="",
    dense=(),
    query_prefix="[unused0]",
    document_prefix="[unused1]",
    query_length=8,
    document_length=10,
    expanded_length=8,
    attends=False,
    expansion_token=None,
    skipped=(".", "no such token"),
)


def tokenizer(layout: LateLayout = LAYOUT, *, markers: tuple[str, ...] = ()) -> LateTokenizer:
    model = Tokenizer(WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    model.pre_tokenizer = BertPreTokenizer()
    model.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    model.add_tokens([AddedToken(name, normalized=False) for name in markers])
    return LateTokenizer(model, layout, max_length=10, mask_token="[MASK]")


def test_a_query_begins_with_its_marker_and_is_filled_with_masks_that_count() -> None:
    query = tokenizer().query("a b")

    assert query.ids.tolist() == [2, 5, 8, 9, 3, 4, 4, 4]
    assert query.attended.tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
    assert not query.truncated


def test_a_model_whose_tokens_see_the_masks_says_so() -> None:
    query = tokenizer(replace(LAYOUT, attends=True)).query("a")

    assert query.attended.tolist() == [1] * 8


def test_a_query_is_not_filled_where_the_model_does_not() -> None:
    assert tokenizer(replace(LAYOUT, expanded_length=None)).query("a").ids.tolist() == [2, 5, 8, 3]


def test_a_long_query_is_cut_before_the_end_token() -> None:
    query = tokenizer().query("a b c a b c a b c")

    assert query.ids.tolist() == [2, 5, 8, 9, 10, 8, 9, 3]
    assert query.truncated


def test_punctuation_of_a_document_is_read_and_not_compared() -> None:
    late = tokenizer()
    [document] = late.documents(["a . b ."])
    row = late.row(document)

    assert row.tolist() == [2, 6, 8, 7, 9, 7, 3]
    assert late.counted(row).tolist() == [1, 1, 1, 0, 1, 0, 1]


def test_a_long_document_is_cut_and_marked() -> None:
    late = tokenizer()
    [document] = late.documents(["a b c " * 5])

    assert len(late.row(document)) == late.around + len(document.ids) == 10
    assert document.truncated


def test_a_marker_token_with_a_space_in_it_takes_the_place_of_the_text() -> None:
    late = tokenizer(replace(LAYOUT, query_prefix="[Q] "), markers=("[Q] ",))

    assert late.query("a").ids.tolist()[:4] == [2, len(WORDS), 8, 3]


def test_a_prefix_that_is_no_token_is_text() -> None:
    late = tokenizer(replace(LAYOUT, query_prefix="c "))

    assert late.query("a").ids.tolist()[:4] == [2, 10, 8, 3]


def test_no_mask_token_to_fill_with_is_refused() -> None:
    with pytest.raises(ModelLoadError, match="mask token"):
        tokenizer(replace(LAYOUT, expansion_token="[NONE]"))


def files(folder: Path, config: dict[str, Any], modules: list[dict[str, str]], **more: Any) -> SettingsFiles:
    for name, content in more.items():
        path = folder / name.replace("__", ".")
        path.write_text(json.dumps(content))
    return SettingsFiles(folder, Settings(config), Settings(), tuple(Settings(one) for one in modules), None)


def test_stanfords_layout_states_markers_and_lengths_in_its_metadata(tmp_path: Path) -> None:
    found = files(
        tmp_path,
        {"architectures": ["HF_ColBERT"]},
        [],
        artifact__metadata={"query_maxlen": 32, "doc_maxlen": 300, "mask_punctuation": False},
    )
    layout = read_late_layout(found)

    assert is_late_interaction(found)
    assert (layout.query_prefix, layout.document_prefix) == ("[unused0]", "[unused1]")
    assert (layout.query_length, layout.expanded_length, layout.document_length) == (32, 32, 300)
    assert layout.skipped == ()


def test_pylates_layout_has_its_defaults(tmp_path: Path) -> None:
    found = files(tmp_path, {}, PYLATE, config_sentence_transformers__json={"model_type": "ColBERT"})
    layout = read_late_layout(found)

    assert is_late_interaction(found)
    assert (layout.query_prefix, layout.document_prefix) == ("[Q] ", "[D] ")
    assert (layout.query_length, layout.expanded_length, layout.document_length) == (32, 32, 180)
    assert layout.dense == ("1_Dense",)
    assert "!" in layout.skipped


def test_pylate_can_leave_the_expansion_out(tmp_path: Path) -> None:
    stated = {"model_type": "ColBERT", "do_query_expansion": False, "query_length": 48}
    layout = read_late_layout(files(tmp_path, {}, PYLATE, config_sentence_transformers__json=stated))

    assert (layout.query_length, layout.expanded_length, layout.attends) == (48, None, False)


def test_without_a_projection_the_vectors_are_as_wide_as_the_encoders(tmp_path: Path) -> None:
    modules = [PYLATE[0], {"path": "1_Normalize", "type": "x.Normalize"}]
    stated = {"model_type": "MultiVectorEncoder"}
    found = files(
        tmp_path, {}, modules, config_sentence_transformers__json=stated, config__json={"hidden_size": 12}
    )

    assert read_late_layout(found) == LateLayout(width=12)


def test_a_folder_that_only_names_the_family_has_the_plain_layout(tmp_path: Path) -> None:
    stated = {"format": 1, "family": "late-interaction"}
    found = files(tmp_path, {"architectures": ["BertModel"], "hidden_size": 12}, [], localrank__json=stated)

    assert is_late_interaction(found)
    assert read_late_layout(found) == LateLayout(width=12)


def test_where_nothing_is_skipped_nothing_is_looked_up() -> None:
    late = tokenizer(LateLayout())
    assert late.counted(late.row(late.documents(["a ."])[0])) is None


def test_modules_of_another_kind_are_refused(tmp_path: Path) -> None:
    pooled = [PYLATE[0], {"path": "1_Pooling", "type": "x.Pooling"}]
    found = files(tmp_path, {}, pooled, config_sentence_transformers__json={"model_type": "ColBERT"})
    with pytest.raises(ModelLoadError, match="Pooling"):
        read_late_layout(found)
