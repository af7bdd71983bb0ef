"""The files of localrank-multilingual, which `localrank` finds by entry point; `MODEL_CARD.md` beside this file tells of it."""

SHA256: dict[str, str] = {
    "config.json": "cf706ec23f2c0e40aff2146badfcf8b8174f65a368f3405903dfdb8bc76a6abb",
    "tokenizer.json": "3f57c0f0763e48ad5e953d81588f7cc5fdc8a5f90fee47bea67d3d01bbbf3900",
    "tokenizer_config.json": "720e7cefc52d2a91db49aef00bf466ba3de823094f5e0ea7b37eb7c994c9fb20",
    "localrank.json": "ecf5a6f2a7013d9b310d6d057f9956100e2dfa2aaa6665847ad065bbd35c0e3b",
    "onnx/model_int8.onnx": "a6b3edac58d9f737c8d6ce41551a45d2b361e104c300c182598fe8dcd9428eb5",
}
"""The sum of every file that is read."""

BITS = "e587efe23ebb96bac7acce3599b95d721c504b5f68af1647e61d7f9ce51a9e1f"
"""SHA-256 of all vectors over the texts of `localrank_transformers.engines.native.agreement`, as the kernels compute them."""
