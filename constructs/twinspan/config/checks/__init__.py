"""What pydantic cannot check: one section against another, and the files that a twin.yaml names."""
