"""One update of the parameters, step by step."""
