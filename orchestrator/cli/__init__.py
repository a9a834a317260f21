"""The command line: parses, calls, prints, exits. One file for each command is in ``commands/``."""
