"""Plain transformers: the snippet of the tutorials, all pairs in one padded batch."""

from __future__ import annotations

from benchmarks.speed.adapters import Rank


def load(folder: str, precision: str) -> Rank:  # noqa: ARG001
    """Load the folder in float32."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()

    def rank(query: str, documents: list[str]) -> list[tuple[int, float]]:
        pairs = [query] * len(documents)
        features = tokenizer(
            pairs, documents, padding=True, truncation=True, max_length=512, return_tensors="pt"
        )
        with torch.no_grad():
            scores = torch.sigmoid(model(**features).logits.squeeze(-1)).tolist()
        return sorted(enumerate(scores), key=lambda one: -one[1])

    return rank
