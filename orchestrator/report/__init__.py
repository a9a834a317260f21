"""Records in, text out: console, plain lines, JSON."""
