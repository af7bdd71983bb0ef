"""Whether a model of English says so of other texts, and of no English one: `python -m benchmarks.orders.unread_language`.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
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
    found = _measured(_english(arguments.collections), _foreign(arguments.passages, arguments.questions))
    write(
        "unread_language",
        "Texts in a language that the model does not read",
        _text(found),
        asdict(found),
        bars=[*_false_alarms(found), *_caught(found)],
    )
    return 0


@dataclass(frozen=True, slots=True)
class Found:
    """Counts, each by the kind of text.

    Attributes:
        texts: How many there are.
        false_alarms: English ones that are taken for another language.
        lists: Lists of 50 of the English ones.
        false_alarms_of_lists: Of these.
        caught: Others that are taken for what they are, to a model that reads English.
        false_alarms_of_many: Others that are taken for a language that the multilingual model does not read.
        call_us: CPU time that a call takes for it, in microseconds.
    """

    texts: dict[str, int]
    false_alarms: dict[str, int]
    lists: int
    false_alarms_of_lists: int
    caught: dict[str, int]
    false_alarms_of_many: dict[str, int]
    call_us: float


def _measured(english: Mapping[str, Sequence[str]], foreign: Mapping[str, Sequence[str]]) -> Found:
    lists = [
        texts[at : at + CANDIDATES] for texts in english.values() for at in range(0, len(texts), CANDIDATES)
    ]
    read = {kind: texts for kind, texts in foreign.items() if kind[:2] in MANY}
    return Found(
        texts={kind: len(texts) for kind, texts in (*english.items(), *foreign.items())},
        false_alarms=_unread(english, ENGLISH),
        lists=len(lists),
        false_alarms_of_lists=sum(map(bool, _calls(lists))),
        caught=_unread(foreign, ENGLISH),
        false_alarms_of_many=_unread(read, MANY),
        call_us=_microseconds(english),
    )


def _unread(texts: Mapping[str, Sequence[str]], languages: frozenset[str]) -> dict[str, int]:
    """Return how many texts of each kind are in another language than these."""
    return {kind: sum(unread(text, languages) is not None for text in own) for kind, own in texts.items()}


def _text(found: Found) -> str:
    sizes = found.texts
    alarms = [[kind, str(sizes[kind]), str(count)] for kind, count in found.false_alarms.items()]
    alarms.append(["lists of 50 of all of these", str(found.lists), str(found.false_alarms_of_lists)])
    caught = [[kind, str(sizes[kind]), f"{count / sizes[kind]:.1%}"] for kind, count in found.caught.items()]
    taken = [[kind, str(sizes[kind]), str(count)] for kind, count in found.false_alarms_of_many.items()]
    return "\n\n".join(
        [
            "English that is taken for another language:",
            markdown_table(["texts", "number", "false alarms"], alarms, left=1),
            "Other languages, to a model that reads English. Words and bound were chosen on the beginnings of passages, "
            "on the false alarms, and on the German questions of XQuAD-R; its questions in es, hi and zh took no part.",
            markdown_table(["texts", "number", "caught"], caught, left=1),
            "The same texts, to localrank-multilingual, which reads them:",
            markdown_table(["texts", "number", "false alarms"], taken, left=1),
            f"A call with {CANDIDATES} of the documents takes {found.call_us:.0f} µs of CPU for it.",
        ]
    )


def _false_alarms(found: Found) -> Iterator[Bar]:
    for name, alarms in (
        ("English texts", found.false_alarms),
        ("languages read", found.false_alarms_of_many),
    ):
        share = sum(alarms.values()) / sum(found.texts[kind] for kind in alarms)
        yield Bar(f"false alarms, {name}", "under 0.1 %", f"{share:.3%}", share < 0.001)


def _caught(found: Found) -> Iterator[Bar]:
    for wanted, languages in ((0.99, "el ru ar hi th zh"), (0.8, "de es tr vi")):
        for kind in [kind for one in languages.split() for kind in (one, f"{one}, XQuAD-R")]:
            if kind in found.caught:
                share = found.caught[kind] / found.texts[kind]
                yield Bar(f"caught, {kind}", f"at least {wanted:.0%}", f"{share:.1%}", share >= wanted)


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


def _microseconds(english: Mapping[str, Sequence[str]]) -> float:
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
