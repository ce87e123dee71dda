"""Steps of differences: the formulas that take them, and their measured errors."""
