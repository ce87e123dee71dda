"""Small data sets by name, drawn at random or from textbooks."""
