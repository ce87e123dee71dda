"""The sections of a run's page, a module for those of one subject."""
