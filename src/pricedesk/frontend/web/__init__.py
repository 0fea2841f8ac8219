"""The door on port 8080: the desk as web pages that need no script, and as JSON."""
