"""Published results: an experiment file for each, and the functions that some of them differentiate."""
