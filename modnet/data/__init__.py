"""Data sets: samples, classes, summaries, fingerprints."""
