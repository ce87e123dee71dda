"""Pictures and tables that the commands show."""
