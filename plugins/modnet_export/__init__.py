"""Trained models for use without modnet: ONNX, safetensors, or one file of Python."""
