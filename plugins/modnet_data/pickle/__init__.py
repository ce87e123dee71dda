"""Pickled arrays, read without running the pickle."""
