"""Checks of the comparison; checkov loads only folders that are packages."""
