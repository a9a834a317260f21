"""Reads a plan for judgement."""
