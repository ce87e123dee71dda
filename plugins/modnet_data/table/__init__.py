"""Tables: their columns and settings, whatever file they are in."""
