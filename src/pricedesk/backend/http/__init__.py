"""The door on port 8000: what it answers, and from what."""
