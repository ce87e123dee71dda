"""The plugin host: discovery, registry, validation. No mathematics."""
