"""Freezes a judged plan and its inputs, and verifies them before apply."""
