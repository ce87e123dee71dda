"""Progress of long work, in a terminal and in a notebook."""
