"""Reads `live/`: checks each file, merges stages over what they extend, and lists the units before any is resolved."""
