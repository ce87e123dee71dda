"""Fourteen mistakes that those who write a plugin make, one a module."""
