"""Compiled kernels for int8 encoders: what ONNX Runtime does in many passes over memory, in few."""
