"""A student of every second layer, taught by the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("safetensors")

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertModel

from benchmarks.embedded.multilingual.finish import write_folder
from benchmarks.embedded.multilingual.student import Learner

ROWS = [np.array([9, 12, 7, 20], np.int64), np.array([8, 8, 15, 16, 11, 21], np.int64)]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def teacher(cut: Path) -> Path:
    folder = cut.parent / f"{cut.name}-teacher"
    write_folder(cut, folder, layers=11, prefix="query: ")
    return folder


def learner(teacher: Path, cut: Path) -> Learner:
    return Learner(teacher, cut, rate=3e-2)


def test_the_prefix_is_the_teachers_alone(teacher: Path, cut: Path) -> None:
    read = {
        folder: Tokenizer.from_file(str(folder / "tokenizer.json")).encode("a b").tokens
        for folder in (teacher, cut)
    }
    assert read[cut] == ["<s>", "▁a", "▁b", "</s>"]
    assert read[teacher][:3] == ["<s>", "▁query", ":"]
    assert read[teacher][-3:] == ["▁a", "▁b", "</s>"]


def test_a_student_learns_what_the_teacher_gives_and_leaves_the_word_table(teacher: Path, cut: Path) -> None:
    torch.manual_seed(3)
    found = learner(teacher, cut)
    words = found.student.embeddings.word_embeddings.weight.clone()
    losses = [found.learn(ROWS, of_layers=1.0) for _ in range(16)]
    assert losses[-1].last < losses[0].last
    assert losses[-1].between < losses[0].between
    assert found.student.embeddings.word_embeddings.weight.equal(words)
    assert (found.step, found.tokens) == (16, 160)


def test_a_run_goes_on_from_its_state_as_if_it_had_not_ended(
    teacher: Path, cut: Path, tmp_path: Path
) -> None:
    whole, first = learner(teacher, cut), learner(teacher, cut)
    for _ in range(4):
        whole.learn(ROWS, of_layers=1.0)
    for _ in range(2):
        first.learn(ROWS, of_layers=1.0)
    first.save(tmp_path / "state.pt")
    second = learner(teacher, cut)
    second.load(tmp_path / "state.pt")
    for _ in range(2):
        second.learn(ROWS, of_layers=1.0)
    for name, value in whole.student.state_dict().items():
        torch.testing.assert_close(second.student.state_dict()[name], value, msg=name)
    whole.write(tmp_path / "a", cut)
    second.write(tmp_path / "b", cut)
    written = [BertModel.from_pretrained(tmp_path / name, add_pooling_layer=False) for name in "ab"]
    assert len(written[0].encoder.layer) == 6
    for left, right in zip(written[0].parameters(), written[1].parameters(), strict=True):
        torch.testing.assert_close(left, right)


def test_at_none_of_its_rate_a_step_changes_nothing(teacher: Path, cut: Path) -> None:
    found = learner(teacher, cut)
    before = {name: value.clone() for name, value in found.student.state_dict().items()}
    found.learn(ROWS, of_layers=1.0, of_rate=0.0)
    for name, value in found.student.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0, msg=name)
    found.learn(ROWS, of_layers=1.0, of_rate=0.5)
    assert not found.student.encoder.layer[5].output.dense.weight.equal(
        before["encoder.layer.5.output.dense.weight"]
    )
