"""Edits files of ``live/`` and keeps everything else in them, comments included."""
