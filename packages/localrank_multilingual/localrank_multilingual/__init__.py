"""The files of localrank-multilingual, which `localrank` finds by entry point; `MODEL_CARD.md` beside this file tells of it."""

SHA256: dict[str, str] = {
    "config.json": "cf706ec23f2c0e40aff2146badfcf8b8174f65a368f3405903dfdb8bc76a6abb",
    "tokenizer.json": "3f57c0f0763e48ad5e953d81588f7cc5fdc8a5f90fee47bea67d3d01bbbf3900",
    "tokenizer_config.json": "720e7cefc52d2a91db49aef00bf466ba3de823094f5e0ea7b37eb7c994c9fb20",
    "localrank.json": "a9fe2a73bc63a83534033de589c1beca21492891402dd58fe2d45e276fa8d90e",
    "onnx/model_int8.onnx": "74ac1f9828b4eafd1e68b304625fae429cfb2d19a1b82a97183a11e0fb4cc863",
}
"""The sum of every file that is read."""

BITS = "24a8dbce5890b089c7a1fb002e34e04a410e6a41d381afa15b8a30ba2b187155"
"""SHA-256 of all vectors over the texts of `localrank_transformers.engines.native.agreement`, as the kernels compute them."""
