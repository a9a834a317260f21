"""May this exact plan run? Policies and the judgement over frozen files."""
