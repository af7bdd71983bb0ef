"""Torch: the only rooms that import torch, transformers and safetensors."""
