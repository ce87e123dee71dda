"""Gradient checking: Taylor tests of derivatives, and estimators compared."""
