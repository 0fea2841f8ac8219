"""The door on port 8000: messages and routes without sockets, and the server around them."""
