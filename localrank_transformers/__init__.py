"""Local models: any Hugging Face-layout folder, on ONNX Runtime or torch."""
