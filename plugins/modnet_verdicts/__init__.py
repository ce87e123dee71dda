"""Verdicts on runs: what may be claimed of settings, their tables and pictures."""
