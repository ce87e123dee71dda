"""Figures of runs, data and verdicts, by Matplotlib."""
