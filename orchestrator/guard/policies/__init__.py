"""Loads `policies/`."""
