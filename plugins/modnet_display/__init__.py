"""HTML of runs, comparisons and networks: pages, and displays in notebooks."""
