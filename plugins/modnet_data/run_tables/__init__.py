"""Runs of any framework, judged by a table of them."""
