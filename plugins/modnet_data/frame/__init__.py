"""Data frames, and scikit-learn's bunches."""
