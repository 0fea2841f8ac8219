"""The door on port 7000: gRPC."""
