"""Figures, and how they come to a file."""
