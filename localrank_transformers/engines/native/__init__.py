"""Compiled kernels for encoders: what ONNX Runtime does in many passes over memory, in few."""
