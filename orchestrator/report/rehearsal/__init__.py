"""The result of a rehearsal: what survives a change that was applied to the emulator."""
