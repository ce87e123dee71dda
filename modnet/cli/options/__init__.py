"""The options of commands: their types, their language, and what they load."""
