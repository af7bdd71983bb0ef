"""A folder for torch: float32 safetensors, configuration and tokenizer. Run in torch's environment.

The weights come from a folder, or are random in the shape that `--shape LAYERSxHIDDEN` says (seeded, BERT, heads of 64).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, BertConfig


def main() -> int:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--shape")
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(arguments.source)
    tokenizer.model_max_length = 512
    if arguments.shape:
        model = _random(arguments.shape, vocabulary=len(tokenizer))
    else:
        config = AutoConfig.from_pretrained(arguments.source, dtype="float32")
        model = AutoModelForSequenceClassification.from_pretrained(
            arguments.source, config=config, dtype=torch.float32
        )
    model.eval().save_pretrained(arguments.target)
    tokenizer.save_pretrained(arguments.target)
    return 0


def _random(shape: str, *, vocabulary: int) -> torch.nn.Module:
    layers, hidden = map(int, shape.split("x"))
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=vocabulary,
        num_hidden_layers=layers,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_attention_heads=hidden // 64,
        num_labels=1,
    )
    return AutoModelForSequenceClassification.from_config(config)


if __name__ == "__main__":
    raise SystemExit(main())
