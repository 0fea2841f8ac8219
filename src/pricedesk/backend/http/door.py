"""All routes of the door on port 8000, put together in this one place."""

from pricedesk.backend.http.routes import Router, RouteTable


def make_router(*tables: RouteTable) -> Router:
    """The router over these tables."""
    return Router(tables)
