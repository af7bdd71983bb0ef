"""How the repositories of the catalogue are laid out: architecture, positions and tokenizer, as their files state them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from localrank_transformers.models.catalogue.entries import CatalogueEntry

SMALL = ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]
"""The files that every load asks for, in this order."""


@dataclass(frozen=True)
class Layout:
    """What a repository holds: its architecture, the style of its tokenizer, positions, and the graphs in it."""

    architecture: str
    model_type: str
    positions: int
    tokens: int
    style: str = "bert"


BERT = Layout("BertForSequenceClassification", "bert", 512, 512)
XLM_R = Layout("XLMRobertaForSequenceClassification", "xlm-roberta", 514, 512, "roberta")
JINA_V1 = Layout("JinaBertForSequenceClassification", "bert", 8192, 8192, "roberta")
DEBERTA = Layout("DebertaV2ForSequenceClassification", "deberta-v2", 512, 512)
MODERN = Layout("ModernBertForSequenceClassification", "modernbert", 8192, 8192, "roberta")
ONNX_LAYOUTS = {
    **dict.fromkeys(["tiny", "mini-2", "mini-4", "mini", "mini-12"], BERT),
    **dict.fromkeys(["mmarco-mini", "bge-base", "bge-large"], XLM_R),
    **dict.fromkeys(["jina-v1-tiny", "jina-v1-turbo"], JINA_V1),
    "jina-v2": Layout("XLMRobertaForSequenceClassification", "xlm-roberta", 1026, 1024, "roberta"),
    **dict.fromkeys(["mxbai-xsmall", "mxbai-base", "mxbai-large"], DEBERTA),
    "gte-modernbert": MODERN,
}
CLASSIFIERS = {
    **ONNX_LAYOUTS,
    "electra-base": Layout("ElectraForSequenceClassification", "electra", 512, 512),
    "bge-v2-m3": Layout("XLMRobertaForSequenceClassification", "xlm-roberta", 8194, 8192, "roberta"),
    "gte-multilingual": Layout("NewForSequenceClassification", "new", 8192, 8192, "roberta"),
    "granite-r2": MODERN,
}
ETTIN = Layout("ModernBertModel", "modernbert", 8192, 8192)
GENERATORS = {
    "bge-v2-gemma": Layout("GemmaForCausalLM", "gemma", 8192, 8192),
    "bge-v2-minicpm": Layout("LayerWiseMiniCPMForCausalLM", "minicpm", 4096, 4096),
    "bge-v2.5-gemma2": Layout("CostWiseGemmaForCausalLM", "cost_wise_gemma", 8192, 8192),
    **dict.fromkeys(["mxbai-base-v2", "mxbai-large-v2"], Layout("Qwen2ForCausalLM", "qwen2", 32768, 32768)),
    **dict.fromkeys(
        ["qwen3-0.6b", "qwen3-4b", "qwen3-8b"], Layout("Qwen3ForCausalLM", "qwen3", 40960, 131072)
    ),
    "rank-vicuna": Layout("LlamaForCausalLM", "llama", 4096, 4096),
    "rank-zephyr": Layout("MistralForCausalLM", "mistral", 32768, 32768),
    "rankt5-flan": Layout("RankT5", "t5", 0, 512),
    "answerai-colbert-small": Layout("HF_ColBERT", "bert", 512, 512),
}
TELLS_ITS_FAMILY = {
    *CLASSIFIERS,
    "answerai-colbert-small",
    "bge-v2-minicpm",
    "qwen3-0.6b",
    "qwen3-4b",
    "qwen3-8b",
    "rankt5-flan",
}
"""Those whose files prove the family; of the others, the catalogue says it."""

SHARDED = {"bge-v2-gemma", "qwen3-4b", "qwen3-8b", "rank-vicuna", "rank-zephyr"}
JUDGE = b"Judge whether the Document meets the requirements based on the Query and the Instruct provided."


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(8)


def torch_layout(entry: CatalogueEntry) -> Layout:
    if entry.name.startswith("ettin"):
        return ETTIN
    t5 = Layout("T5ForConditionalGeneration", "t5", 0, 1024)
    return {**CLASSIFIERS, **GENERATORS}.get(entry.name, t5)


def torch_configuration(entry: CatalogueEntry) -> dict[str, bytes]:
    layout = torch_layout(entry)
    config = {
        "architectures": [layout.architecture],
        "model_type": layout.model_type,
        "max_position_embeddings": layout.positions,
        "id2label": {"0": "LABEL_0"},
    }
    return {
        "config.json": json.dumps(config).encode(),
        "tokenizer_config.json": json.dumps({"model_max_length": layout.tokens}).encode(),
        "chat_template.jinja": JUDGE if entry.template == "qwen3" else b"{{ messages }}",
    }
