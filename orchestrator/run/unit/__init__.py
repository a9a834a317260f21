"""Plans and applies one unit."""
