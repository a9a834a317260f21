"""Checks the protection settings of modules."""
