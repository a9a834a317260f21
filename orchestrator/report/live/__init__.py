"""Shows progress while a run goes on."""
