"""Runs checkov with the checks of `policies/`."""
