"""Published results, a file for each, and functions for some."""
