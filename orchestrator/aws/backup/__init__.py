"""Back up protected resources before a change, and count what they contain."""
