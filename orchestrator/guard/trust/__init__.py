"""Decides which policies, owners and waivers count."""
