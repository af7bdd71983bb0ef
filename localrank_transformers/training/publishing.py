"""From trained weights to a folder that every reranker here loads."""

from __future__ import annotations

import shutil
from dataclasses import replace

from localrank_transformers.optimizing.optimize import Candidates, optimize
from localrank_transformers.training.development import measure
from localrank_transformers.training.watching import list_logits


def publish(fitted, result, request, lists, dev, on_step):
    out = request.out
    after = measure(dev, list_logits(fitted.model, dev))
    fitted.model[0].model.save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (out / "run" / "start" / name).is_file():
            shutil.copyfile(out / "run" / "start" / name, out / name)
    candidates = [Candidates(one.query, one.documents[:20]) for one in [*lists[:100], *dev[:100]]]
    agreement = optimize(out, out, candidates=candidates, on_step=on_step)
    on_step(str(agreement))
    return replace(result, after=after)
