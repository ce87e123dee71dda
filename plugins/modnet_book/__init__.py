"""The slides' names, as they write them."""
