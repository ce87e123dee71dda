"""Data sets made of rows and labels of any kind."""
