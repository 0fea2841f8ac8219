"""The public price desk: knows products and asks the back-end what they cost."""
