"""The files of localrank-multilingual, which `localrank` finds by entry point; `MODEL_CARD.md` beside this file tells of it."""

SHA256: dict[str, str] = {
    "config.json": "cf706ec23f2c0e40aff2146badfcf8b8174f65a368f3405903dfdb8bc76a6abb",
    "tokenizer.json": "3f57c0f0763e48ad5e953d81588f7cc5fdc8a5f90fee47bea67d3d01bbbf3900",
    "tokenizer_config.json": "720e7cefc52d2a91db49aef00bf466ba3de823094f5e0ea7b37eb7c994c9fb20",
    "localrank.json": "30ca60f9598230789b2202e9fcb5d42cceac68893dfd07d05a1be6adb29de575",
    "onnx/model_int8.onnx": "d003131b013b3522ec66c86f0d3f9a080efe70816a87282ab5c150241177a4e1",
}
"""The sum of every file that is read."""

BITS = "1bf696a20b9739cfdd5a200c6d259ebbe85af11b652ec4bcde1397687ab23cf1"
"""SHA-256 of all vectors over the texts of `localrank_transformers.engines.native.agreement`, as the kernels compute them."""
