"""Whether a model that reads English says so of other texts, and of no English one: `python -m benchmarks.unread_language`.

False alarms: queries and documents of English collections, each by itself; runs of capitalised words in those documents, as
names; lines of Python's standard library; numbers, emoji, addresses and formulas.

Caught: questions of XQuAD-R, and beginnings of passages, the first ten words of a sentence that is none of the English passages
and holds no code. Many passages are translated in part: a beginning is left out half of whose words are common in the English
passages, or, in languages of other scripts than Latin, are of Latin letters.

Of the same texts those in a language that `localrank-multilingual` reads must not be taken for another one by it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sysconfig
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.common.results import Bar, write
from benchmarks.common.tables import markdown_table
from localrank.contract.model import DoRerankOptions
from localrank.providers.languages import unread
from localrank_transformers import OnnxReranker
from localrank_transformers.models.bundled import LANGUAGES

ENGLISH = frozenset({"en"})
MANY = frozenset(LANGUAGES["localrank-multilingual"])
CANDIDATES = 50
MOST = 2000
"""Beginnings of a language."""
SEED = 5
COMMON = 5000
"""Words of the English passages that a beginning may have in less than half of its words."""

_NAME = re.compile(
    r"(?:[A-Z\u00c0-\u00de][\w'-]+\s(?:(?:de|la|von|van|der|del|du|di|da|le)\s)*){1,4}[A-Z\u00c0-\u00de][\w'-]+"
)
_SENTENCE = re.compile(r"(?<=[.!?。！？।؟])\s+")
_CODE = re.compile(r"[`(){}=|_\\/]|This page|[0-9]\.[0-9]")
_WORD = re.compile(r"\w+")
_MARKS = ".,:;!?…\"'“”„«»–-"
_LATIN = re.compile(r"[a-z0-9]+")
OTHER_SCRIPTS = frozenset({"ar", "el", "fa", "hi", "ja", "ko", "ru", "th", "uk", "zh"})


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", type=Path, required=True, help="folders in BEIR's layout, English")
    parser.add_argument("--passages", type=Path, required=True, help="JSON Lines, gzipped: language, text")
    parser.add_argument("--questions", type=Path, required=True, help="a folder with xquadr_LANGUAGE.json.gz")
    arguments = parser.parse_args()
    english = _english(arguments.collections)
    foreign = _foreign(arguments.passages, arguments.questions)
    alarms = {
        kind: sum(unread(text, ENGLISH) is not None for text in texts) for kind, texts in english.items()
    }
    lists = [
        texts[at : at + CANDIDATES] for texts in english.values() for at in range(0, len(texts), CANDIDATES)
    ]
    of_lists = sum(map(bool, _calls(lists)))
    caught = {
        kind: sum(unread(text, ENGLISH) is not None for text in texts) for kind, texts in foreign.items()
    }
    taken = {
        kind: sum(unread(text, MANY) is not None for text in texts)
        for kind, texts in foreign.items()
        if kind[:2] in MANY
    }
    call_us = _microseconds(english)
    sizes = {kind: len(texts) for kind, texts in (english | foreign).items()}
    text = "\n\n".join(
        [
            "English that is taken for another language:",
            markdown_table(
                ["texts", "number", "false alarms"],
                [[kind, str(sizes[kind]), str(count)] for kind, count in alarms.items()]
                + [["lists of 50 of all of these", str(len(lists)), str(of_lists)]],
                left=1,
            ),
            "Other languages, to a model that reads English. Words and bound were chosen on the beginnings of passages, "
            "on the false alarms, and on the German questions of XQuAD-R; its questions in es, hi and zh took no part.",
            markdown_table(
                ["texts", "number", "caught"],
                [[kind, str(sizes[kind]), f"{count / sizes[kind]:.1%}"] for kind, count in caught.items()],
                left=1,
            ),
            "The same texts, to localrank-multilingual, which reads them:",
            markdown_table(
                ["texts", "number", "false alarms"],
                [[kind, str(sizes[kind]), str(count)] for kind, count in taken.items()],
                left=1,
            ),
            f"A call with {CANDIDATES} of the documents takes {call_us:.0f} µs of CPU for it.",
        ]
    )
    shares = {kind: count / sizes[kind] for kind, count in caught.items()}
    all_false = sum(alarms.values()) / sum(len(texts) for texts in english.values())
    bars = [Bar("false alarms, English texts", "under 0.1 %", f"{all_false:.3%}", all_false < 0.001)]
    all_taken = sum(taken.values()) / sum(sizes[kind] for kind in taken)
    bars.append(Bar("false alarms, languages read", "under 0.1 %", f"{all_taken:.3%}", all_taken < 0.001))
    for wanted, kinds in ((0.99, "el ru ar hi th zh"), (0.8, "de es tr vi")):
        for kind in kinds.split():
            for name in (kind, f"{kind}, XQuAD-R"):
                if name in shares:
                    share = shares[name]
                    bars.append(
                        Bar(f"caught, {name}", f"at least {wanted:.0%}", f"{share:.1%}", share >= wanted)
                    )
    data = {
        "texts": sizes, "false_alarms": alarms, "lists": len(lists), "false_alarms_of_lists": of_lists,
        "caught": caught, "false_alarms_of_many": taken,
        "call_us": call_us,
    }  # fmt: skip
    write("unread_language", "Texts in a language that the model does not read", text, data, bars=bars)
    return 0


def _english(folder: Path) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {}
    documents: list[str] = []
    for path in sorted(folder.glob("*/queries.jsonl")):
        found[f"queries of {path.parent.name}"] = [one["text"] for one in _lines(path.read_bytes())]
    for path in sorted(folder.glob("*/corpus.jsonl")):
        texts = [f"{one.get('title', '')} {one['text']}".strip() for one in _lines(path.read_bytes())]
        found[f"documents of {path.parent.name}"] = texts
        documents += texts
    found["names"] = sorted({match[0] for text in documents for match in _NAME.finditer(text)})
    found["lines of code"] = _code()
    dice = random.Random(SEED)  # noqa: S311 - no secret
    found["numbers"] = [
        " ".join(str(dice.randrange(10 ** dice.randrange(1, 9))) for _ in range(3)) for _ in range(500)
    ]
    emoji = ["😀", "🎉", "🚀", "❤️", "🐍", "✨", "👍🏽", "🇫🇷"]
    found["emoji"] = [
        "".join(dice.choices(emoji, k=3)) + dice.choice(["", " party", " ok"]) for _ in range(200)
    ]
    found["addresses"] = [
        f"https://{word}.example.org/{word}/de-la/{number}.html?lang=es"
        for number, word in enumerate(("a", "die", "el") * 40)
    ]
    letters, rest = "αβγδεθλμπσφω", ("=", "+", "-", "∑", "∫", "∂", "≤", "x", "y", "sin", "d/dx")
    found["formulas"] = [
        " ".join(dice.choice([dice.choice(letters), *rest]) for _ in range(7)) for _ in range(500)
    ]
    return found


def _code() -> list[str]:
    found: list[str] = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        lines = path.read_text("utf-8", errors="replace").splitlines()
        found += [line.strip() for line in lines if len(line.strip()) > 15]
    return found[::11]


def _foreign(passages: Path, questions: Path) -> dict[str, Sequence[str]]:
    texts: dict[str, list[str]] = defaultdict(list)
    for one in _lines(gzip.decompress(passages.read_bytes())):
        texts[one["language"]].append(one["text"])
    english = texts.pop("en")
    same = {sentence for text in english for sentence in _SENTENCE.split(text)}
    words = Counter(word for text in english for word in _WORD.findall(text.lower()))
    common = {word for word, _ in words.most_common(COMMON)}
    found: dict[str, Sequence[str]] = {}
    for language, own in sorted(texts.items()):
        is_english = _LATIN.fullmatch if language in OTHER_SCRIPTS else common.__contains__
        begun = sorted({begin for text in own for begin in _beginnings(text, same, is_english)})
        if len(begun) >= CANDIDATES:
            found[language] = random.Random(SEED).sample(begun, min(MOST, len(begun)))  # noqa: S311 - no secret
    for path in sorted(questions.glob("xquadr_*.json.gz")):
        language = path.name.split("_")[1].split(".")[0]
        if language != "en":
            found[f"{language}, XQuAD-R"] = list(
                json.loads(gzip.decompress(path.read_bytes()))["queries"].values()
            )
    return found


def _beginnings(text: str, same: set[str], is_english: Callable[[str], object]) -> Iterator[str]:
    """Yield the beginning of the first sentence that is one of this language."""
    for sentence in _SENTENCE.split(text)[:3]:
        words = [word for part in sentence.lower().split() if (word := part.strip(_MARKS))]
        english = sum(bool(is_english(word)) for word in words)
        if (
            sentence not in same
            and len(sentence) >= 12
            and not _CODE.search(sentence)
            and 2 * english < len(words)
        ):
            yield " ".join(sentence.split()[:10])[:90]
            return


def _calls(lists: Sequence[Sequence[str]]) -> list[object]:
    """Return what the embedded model says of the language of each list, which it does not rank."""
    model = OnnxReranker()
    return [model._unread(DoRerankOptions("query", tuple(texts))) for texts in lists]


def _microseconds(english: dict[str, Sequence[str]]) -> float:
    """Return the CPU time that a call takes for it, the least of five rounds."""
    documents = [texts for kind, texts in english.items() if kind.startswith("documents")]
    lists = [texts[at : at + CANDIDATES] for texts in documents for at in range(0, len(texts), CANDIDATES)]
    rounds = []
    for _ in range(5):
        start = time.process_time()
        _calls(lists)
        rounds.append((time.process_time() - start) / len(lists))
    return min(rounds) * 1e6


def _lines(content: bytes) -> Iterator[dict[str, str]]:
    return map(json.loads, content.splitlines())


if __name__ == "__main__":
    raise SystemExit(main())
