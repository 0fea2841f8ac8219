"""The private service: knows exchange rates and converts money exactly."""
