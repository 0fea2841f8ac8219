"""Pricedesk: what a product costs in the customer's currency, today, and why.

Two programs share this package: the private back-end, which knows exchange rates and
converts money exactly, and the public front-end, the price desk. `docs/architecture.md`
has the map.
"""

__version__ = "0.1.0"
