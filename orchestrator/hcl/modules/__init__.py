"""Reads Terraform modules: interface, providers, file references, sources."""
