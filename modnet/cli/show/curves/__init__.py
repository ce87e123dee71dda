"""Curves of one run, and of several."""
