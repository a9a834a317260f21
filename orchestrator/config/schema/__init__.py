"""The models that validate the files of `live/`, and their JSON Schemas."""
