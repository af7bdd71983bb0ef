"""Only the pieces that some languages use: `python -m benchmarks.embedded.multilingual.vocabulary SOURCE --out FOLDER …`.

A piece's share in a language is half its share of the language's running words, by the frequency lists of the package
wordfreq (3.1.1; downloaded with pip, read as it lies), and half its share of passages in that language. A word's capital
form counts a tenth. A piece stays if its share is above `LEAST` in one language; and every piece of a script that has no
list and only one of the languages (Thai), and every single character of the languages' alphabets, of punctuation and of
symbols: without them a danda is unknown, and with it the end of every Hindi sentence. Word rows keep their order. A text
with a dropped piece is divided into shorter ones.

The share of tokens that texts have more than before is printed, by language, of passages that were not counted.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

LANGUAGES = (
    "en", "de", "es", "ro", "el", "ru", "tr", "ar", "hi", "th", "vi", "zh", "fr", "it", "nl", "pl", "pt", "ja", "ko",
)  # fmt: skip
LEAST = 3e-7
WORDS_AT_MOST = 120_000
PASSAGES_AT_MOST = 4_000
KEPT_BACK = 10
"""One passage in so many is not counted, and measured by."""

SCRIPT_OF_ITS_OWN = "THAI"
_RANGES = (
    (0x20, 0x24F),
    (0x370, 0x45F),
    (0x600, 0x6FF),
    (0x900, 0x97F),
    (0xE00, 0xE7F),
    (0x1E00, 0x1EFF),
    (0x2000, 0x22FF),
    (0x3000, 0x30FF),
    (0xFF00, 0xFF5E),
)

Shares = npt.NDArray[np.float64]


def main() -> int:
    """Count, cut, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="the folder that source wrote")
    parser.add_argument("--words", type=Path, required=True, help="wordfreq-3.1.1-py3-none-any.whl")
    parser.add_argument("--passages", type=Path, required=True, help="JSON Lines, gzipped: language, text")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.source / "tokenizer.json"))
    specification = json.loads((arguments.source / "tokenizer.json").read_text("utf-8"))
    passages = _passages(arguments.passages)
    counted = {language: passages[language][0][:PASSAGES_AT_MOST] for language in LANGUAGES}
    claims = np.zeros(tokenizer.get_vocab_size())
    for language in LANGUAGES:
        share = _share(tokenizer, frequencies(arguments.words, language), counted[language])
        print(f"{language}: {int((share > 0).sum())} pieces", flush=True)
        claims = np.maximum(claims, share)
    places = np.flatnonzero((claims > LEAST) | _needed(specification))
    _write(arguments.source, arguments.out, specification, places)
    smaller = Tokenizer.from_file(str(arguments.out / "tokenizer.json"))
    print(f"{len(places)} of {len(claims)} pieces stay")
    for language in LANGUAGES:
        before, after = (_tokens(one, passages[language][1]) for one in (tokenizer, smaller))
        print(f"{language}: {after / before - 1:+.2%} tokens")
    return 0


def _passages(path: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Return by language the passages that count, and those kept back."""
    found: dict[str, list[str]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            found[record["language"]].append(record["text"])
    return {
        language: ([text for at, text in enumerate(texts) if at % KEPT_BACK], texts[::KEPT_BACK])
        for language, texts in found.items()
    }


def frequencies(wheel: Path, language: str) -> dict[str, float]:
    """Return the most frequent words of a language; none where the package has no list."""
    import msgpack  # noqa: PLC0415 - of this step alone

    with zipfile.ZipFile(wheel) as archive:
        names = [f"wordfreq/data/{size}_{language}.msgpack.gz" for size in ("large", "small")]
        name = next((one for one in names if one in archive.namelist()), None)
        if name is None:
            return {}
        # centibels: the words of the entry at n have the frequency 10 to the -n/100
        _, *entries = msgpack.unpackb(gzip.decompress(archive.read(name)), raw=False)
    found = {word: 10 ** (-at / 100) for at, words in enumerate(entries) for word in words}
    return dict(sorted(found.items(), key=lambda one: -one[1])[:WORDS_AT_MOST])


def _share(tokenizer: Tokenizer, words: Mapping[str, float], passages: list[str]) -> Shares:
    parts = [_counted(tokenizer, passages, [1.0] * len(passages))]
    if words:
        capital = map(str.capitalize, words)
        often = [*words.values(), *(one / 10 for one in words.values())]
        parts.append(_counted(tokenizer, [*words, *capital], often))
    share: Shares = np.mean(parts, axis=0)
    return share


def _counted(tokenizer: Tokenizer, texts: list[str], often: list[float]) -> Shares:
    counts = np.zeros(tokenizer.get_vocab_size())
    for encoding, times in zip(
        tokenizer.encode_batch_fast(texts, add_special_tokens=False), often, strict=True
    ):
        np.add.at(counts, encoding.ids, times)
    shares: Shares = counts / counts.sum()
    return shares


def _needed(specification: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    special = {one["content"] for one in specification["added_tokens"]}
    pieces = [piece for piece, _ in specification["model"]["vocab"]]
    return np.array([piece in special or piece == "▁" or _is_needed(piece.lstrip("▁")) for piece in pieces])


def _is_needed(letters: str) -> bool:
    if len(letters) == 1:
        return any(low <= ord(letters) <= high for low, high in _RANGES)
    return bool(letters) and set(_scripts(letters)) == {SCRIPT_OF_ITS_OWN}


def _scripts(letters: str) -> Iterator[str]:
    for letter in letters:
        if unicodedata.category(letter)[0] in "LM":
            yield unicodedata.name(letter, "?").split()[0]


def _write(source: Path, out: Path, specification: dict[str, Any], places: npt.NDArray[np.int64]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    where = {int(old): new for new, old in enumerate(places)}
    model = specification["model"]
    model["vocab"] = [model["vocab"][place] for place in places]
    model["unk_id"] = where[model["unk_id"]]
    for token in specification["added_tokens"]:
        token["id"] = where[token["id"]]
    for token in specification["post_processor"]["special_tokens"].values():
        token["ids"] = [where[place] for place in token["ids"]]
    (out / "tokenizer.json").write_text(json.dumps(specification, ensure_ascii=False), "utf-8")
    config = json.loads((source / "config.json").read_text("utf-8")) | {"vocab_size": len(places)}
    (out / "config.json").write_text(json.dumps(config, indent=1), "utf-8")
    shutil.copyfile(source / "tokenizer_config.json", out / "tokenizer_config.json")
    tensors = load_file(source / "model.safetensors")
    name = "embeddings.word_embeddings.weight"
    tensors[name] = np.ascontiguousarray(tensors[name][places])
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})


def _tokens(tokenizer: Tokenizer, texts: list[str]) -> int:
    return sum(len(one.ids) for one in tokenizer.encode_batch_fast(texts, add_special_tokens=False))


if __name__ == "__main__":
    raise SystemExit(main())
