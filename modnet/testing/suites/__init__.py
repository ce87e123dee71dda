"""Checks of each kind of part, a module for each."""
