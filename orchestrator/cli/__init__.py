"""The command line: parse (``commands/``), call (``verbs/``), print, exit. Heavy imports wait until they are needed."""
