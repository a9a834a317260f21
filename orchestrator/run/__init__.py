"""Units through the graph: scheduler, journal, plan, preview, apply, destroy."""
