"""Names and settings to objects: where plugins and numerics meet."""
