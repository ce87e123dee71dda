"""Pictures, tables and progress that the commands show."""
