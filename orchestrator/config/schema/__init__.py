"""Models that validate the files of `live/`, and the JSON Schemas for editors."""
