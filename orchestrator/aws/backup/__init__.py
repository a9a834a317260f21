"""Backs up and counts the contents of protected resources."""
