"""Data sets made of rows and labels: classes, targets, splits, preparation by the training rows."""
