"""The ONNX file format: read, mapped and written."""
