"""What each verb takes: names, options, help. The work is in ``cli/verbs/`` and is imported when it is called."""
