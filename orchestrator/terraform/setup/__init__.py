"""Finds or installs Terraform and its providers, and runs init."""
