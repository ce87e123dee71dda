"""Figures, terminal output and progress."""
