"""What each verb does: a module per verb, a function that returns the exit code."""
