"""Every key that transformers, tokenizers and sentence-transformers read in a reranker's folder, and what becomes of it here.

The one place that says so: `refusing` acts by it, and the page of the documentation is written from it. The readers looked
through are those of transformers 5.24, tokenizers 0.23 and sentence-transformers 6.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from localrank_transformers.models.folder.stated.settings import (
    BERT,
    CONFIG,
    MODULES,
    SENTENCE,
    TOKENIZER,
    TOKENIZER_JSON,
)

__all__ = ["ANY", "KEYS", "Key", "Verdict", "refused"]

Verdict: TypeAlias = Literal["honoured", "irrelevant", "refused"]

ANY = "*"
"""Stands for a folder's name in `1_Dense/config.json`, and for every other key of a file."""


@dataclass(frozen=True, slots=True)
class Key:
    """Keys of one file that have one fate.

    Attributes:
        file: The file's name.
        names: The keys.
        verdict: What becomes of them: honoured on both engines, of no effect on a score, or refused with `ModelLoadError`.
        why: What it comes to, or why there is no effect, in one line.
        neutral: Values that a refused key may have, since they ask for what is computed anyway; null always is one.
    """

    file: str
    names: tuple[str, ...]
    verdict: Verdict
    why: str
    neutral: tuple[Any, ...] = ()


def _honoured(file: str, names: str, why: str) -> Key:
    return Key(file, tuple(names.split()), "honoured", why)


def _irrelevant(file: str, names: str, why: str) -> Key:
    return Key(file, tuple(names.split()), "irrelevant", why)


def _refused(file: str, names: str, why: str, *neutral: Any) -> Key:
    return Key(file, tuple(names.split()), "refused", why, neutral)


POOLING = f"{ANY}_Pooling/config.json"
DENSE = f"{ANY}_Dense/config.json"
MASK = f"{ANY}_MultiVectorMask/config.json"

NOTHING: tuple[Any, ...] = ({}, [], "", False, 0)

KEYS: tuple[Key, ...] = (
    _honoured(CONFIG, "architectures model_type", "The family, and the class of weights."),
    _honoured(
        CONFIG,
        "id2label",
        "Which of two labels is the positive one, by name; numbers have it last. Names that do not tell are refused.",
    ),
    _honoured(CONFIG, "num_labels", "How many labels there are, where none are named."),
    _honoured(CONFIG, "pad_token_id", "What fills up a row."),
    _honoured(CONFIG, "max_position_embeddings", "The longest window."),
    _honoured(CONFIG, "tokenizer_class", "As in tokenizer_config.json, where that names none."),
    _irrelevant(CONFIG, "label2id", "The inverse of `id2label`."),
    _irrelevant(
        CONFIG,
        "sentence_transformers sbert_ce_default_activation_function",
        "The declared activation changes no order. `activation=` decides; TorchReranker reports the declared one.",
    ),
    _irrelevant(CONFIG, "auto_map", "Names code, which runs only with `trust_remote_code=True`."),
    _irrelevant(
        CONFIG,
        "dtype torch_dtype problem_type",
        "Of loading and of training; `dtype=` and `precision=` decide.",
    ),
    _irrelevant(
        CONFIG,
        "output_attentions output_hidden_states use_cache transformers_version _name_or_path finetuning_task",
        "Of no effect on a logit.",
    ),
    _refused(CONFIG, "return_dict use_return_dict", "A logit is read by its name.", True),
    _refused(CONFIG, "torchscript", "Untied weights of a traced model.", False),
    _refused(
        CONFIG,
        "quantization_config",
        "Weights in a format that torch alone does not compute. A graph with such weights keeps them in itself.",
    ),
    _refused(CONFIG, "pruned_heads", "transformers 5 no longer removes heads.", {}, []),
    _irrelevant(
        CONFIG,
        ANY,
        "The shape of the network: transformers' class reads it, and a graph has it built in. What does not fit the weights is "
        "refused by their shapes.",
    ),
    _honoured(
        TOKENIZER,
        "tokenizer_class",
        "Whose defaults hold for `do_lower_case`, `strip_accents`, `tokenize_chinese_chars` and `model_input_names`.",
    ),
    _honoured(
        TOKENIZER,
        "do_lower_case strip_accents tokenize_chinese_chars",
        "For tokenizers of BERT's kind they stand above tokenizer.json, absent ones by their defaults (true, null, true). For "
        "others a `do_lower_case` or `keep_accents` that tokenizer.json contradicts is refused.",
    ),
    _honoured(
        TOKENIZER,
        "model_input_names",
        "Without `token_type_ids` every token is of segment 0. Absent, it is what the tokenizer's class has.",
    ),
    _honoured(TOKENIZER, "model_max_length max_len", "The longest window, with the positions."),
    _honoured(TOKENIZER, "truncation_side", "From which end a text that is too long is cut."),
    _honoured(
        TOKENIZER,
        "bos_token cls_token eos_token mask_token pad_token sep_token unk_token additional_special_tokens "
        "extra_special_tokens added_tokens_decoder",
        "Those in the vocabulary are found in raw text, as those that tokenizer.json lists. Others could not be embedded.",
    ),
    _honoured(
        TOKENIZER,
        "chat_template",
        "Tells a causal reranker's prompt. A cross-encoder is refused if it reads roles in one.",
    ),
    _irrelevant(
        TOKENIZER,
        "padding_side pad_token_type_id pad_to_multiple_of",
        "No document sees what fills up another's row.",
    ),
    _irrelevant(
        TOKENIZER, "clean_up_tokenization_spaces", "Of writing text from ids, which a reranker does not do."
    ),
    _irrelevant(
        TOKENIZER,
        "max_length stride truncation_strategy",
        "A call's arguments, which nobody passes on from here: `longest_first` with the window is what counts.",
    ),
    _irrelevant(
        TOKENIZER,
        "add_bos_token add_eos_token add_prefix_space trim_offsets legacy use_default_system_prompt never_split "
        "do_basic_tokenize wordpieces_prefix split_by_punct sp_model_kwargs vocab_type",
        "Of the making of tokenizer.json, which has it built in.",
    ),
    _irrelevant(
        TOKENIZER,
        "name_or_path special_tokens_map_file tokenizer_file backend is_local local_files_only processor_class auto_map "
        "from_slow added_tokens_file vocab_file merges_file model_specific_special_tokens response_template response_schema "
        "chat_control_tokens init_inputs verbose files_loaded",
        "Where things came from, and what belongs to generation; `auto_map` names code, which does not run.",
    ),
    _refused(TOKENIZER, "split_special_tokens", "Special tokens in a text are tokens, not text.", False),
    _refused(TOKENIZER, "fix_mistral_regex", "A repair of one tokenizer.", False),
    _irrelevant(TOKENIZER, ANY, "Kept by transformers, read by nobody."),
    _honoured("special_tokens_map.json", ANY, "As the same keys of tokenizer_config.json."),
    _honoured("added_tokens.json", ANY, "As `added_tokens_decoder`."),
    _honoured(
        TOKENIZER_JSON,
        "model normalizer pre_tokenizer added_tokens",
        "By the same library; before a normalizer of SentencePiece's, letters and the marks behind them are put together.",
    ),
    _honoured(
        TOKENIZER_JSON,
        "post_processor",
        "The tokens and segments around a pair. It must put the query before the document.",
    ),
    _honoured(
        TOKENIZER_JSON, "truncation", "Its direction, where tokenizer_config.json has no `truncation_side`."
    ),
    _irrelevant(TOKENIZER_JSON, "padding", "No document sees what fills up another's row."),
    _irrelevant(TOKENIZER_JSON, "decoder version", "Of writing text from ids."),
    _honoured(
        SENTENCE,
        "model_type",
        "`CrossEncoder`: prompts and modules are read as there. `ColBERT`, `MultiVectorEncoder`: late interaction.",
    ),
    _honoured(
        SENTENCE,
        "default_prompt_name prompts",
        "Before the query of a cross-encoder the default prompt; before query and document of a late-interaction model theirs.",
    ),
    _honoured(
        SENTENCE,
        "query_prefix document_prefix query_length document_length do_query_expansion attend_to_expansion_tokens "
        "skiplist_words",
        "PyLate's markers, lengths, fillings and skipped words.",
    ),
    _irrelevant(SENTENCE, "activation_fn", "As the declared activation in config.json."),
    _irrelevant(SENTENCE, "keep_in_fp32_modules", "The last layer is computed in float32 anyway."),
    _irrelevant(
        SENTENCE, "similarity_fn_name", "Of comparing vectors of texts, which a reranker does not do."
    ),
    _irrelevant(SENTENCE, "__version__ requirements", "Of the packages of sentence-transformers' process."),
    _irrelevant(SENTENCE, ANY, "Read by nobody."),
    _honoured(
        MODULES, "type path", "The modules, by class and folder. Classes of other packages are refused."
    ),
    _irrelevant(MODULES, "idx name", "Their order in the file is what counts."),
    _refused(MODULES, "kwargs", "Arguments that sentence-transformers hands on to a module.", [], {}),
    _honoured(BERT, "max_seq_length", "The longest window."),
    _honoured(
        BERT, "do_lower_case", "Letters are made small before everything else, where the tokenizer does not."
    ),
    _honoured(
        BERT,
        "query_length document_length query_expansion",
        "Of late interaction. Of no effect on a cross-encoder's pairs.",
    ),
    _honoured(BERT, "tokenizer_args processor_kwargs", "Stand above the same keys of tokenizer_config.json."),
    _irrelevant(BERT, "unpad_inputs module_output_name", "Of how the same numbers are computed and called."),
    _irrelevant(
        BERT,
        "model_args model_kwargs",
        "Type of the weights and kind of attention; `dtype=` and `attention=` decide.",
    ),
    _refused(
        BERT,
        "transformer_task",
        "Another head than a reranker's.",
        "sequence-classification",
        "feature-extraction",
        "text-generation",
    ),
    _refused(BERT, "config_args config_kwargs", "Changes to config.json. Write them there.", *NOTHING),
    _refused(BERT, "processing_kwargs", "Arguments of the tokenizer's call.", *NOTHING),
    _refused(BERT, "tokenizer_name_or_path", "A tokenizer in another place.", ""),
    _irrelevant(
        BERT,
        "modality_config",
        "Text goes in, and the logits come out; pictures are for models of other classes.",
    ),
    _irrelevant(BERT, ANY, "Unknown to sentence-transformers, which stops at them."),
    _honoured(
        POOLING,
        "pooling_mode pooling_mode_cls_token pooling_mode_mean_tokens",
        "The first token's vector, or the mean.",
    ),
    _refused(
        POOLING,
        "pooling_mode_max_tokens pooling_mode_mean_sqrt_len_tokens pooling_mode_weightedmean_tokens "
        "pooling_mode_lasttoken",
        "No reranker has these.",
        False,
    ),
    _refused(POOLING, "include_prompt", "A mean without the prompt's tokens.", True),
    _irrelevant(
        POOLING,
        "word_embedding_dimension embedding_dimension",
        "The width of the vectors, which the weights have.",
    ),
    _honoured(DENSE, "in_features out_features bias activation_function", "The layer."),
    _refused(DENSE, "use_residual", "A residual beside the layer.", False),
    _irrelevant(
        DENSE, "module_input_name module_output_name", "Each module reads what the one before gives."
    ),
    _honoured(f"{ANY}_LayerNorm/config.json", "dimension", "The layer."),
    _irrelevant(f"{ANY}_Dropout/config.json", "dropout", "Of training."),
    _honoured(
        f"{ANY}_LogitScore/config.json",
        "true_token_id false_token_id",
        "The words that answer; others than those of the model's prompt are refused.",
    ),
    _irrelevant(
        f"{ANY}_LogitScore/config.json", "module_input_name", "Each module reads what the one before gives."
    ),
    _honoured(MASK, "skiplist_words", "Words of a document that are not compared."),
    _refused(MASK, "skiplist_tasks", "Skipped words of queries.", ["document"], "document"),
    _refused(MASK, "keep_only_token_ids", "A choice of tokens to compare.", []),
    _honoured(
        "artifact.metadata",
        "query_maxlen doc_maxlen query_token_id doc_token_id attend_to_mask_tokens mask_punctuation dim",
        "Stanford ColBERT's lengths, markers and masks.",
    ),
    _irrelevant("artifact.metadata", ANY, "Of its training and its index."),
    _honoured("generation_config.json", "eos_token_id", "Where the answer of a listwise model ends."),
    _irrelevant(
        "generation_config.json",
        ANY,
        "Sampling and lengths of generated text. A listwise model answers greedily, within its own limits.",
    ),
    _refused(
        "adapter_config.json",
        "base_model_name_or_path",
        "Weights of an adapter. Merge them into the model (`merge_and_unload` of peft).",
    ),
)
"""A key that stands nowhere here falls under the file's `*`."""


def refused(file: str) -> Iterator[Key]:
    """Yield what is refused in a file.

    Args:
        file: Its name; `ANY` stands for what comes before the kind of a module, as in `KEYS`.
    """
    return (key for key in KEYS if key.verdict == "refused" and key.file == file)
