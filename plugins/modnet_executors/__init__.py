"""Executors of comparisons: pools and clusters of other libraries."""
