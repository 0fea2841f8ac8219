"""What clients of the gRPC door may take up, whichever library serves it."""

from pricedesk.http.refusals import BODY_BYTES_MAX

MESSAGE_BYTES_MAX = BODY_BYTES_MAX
"""Bytes of one message to the server: as much as a body over HTTP."""

HEADERS_BYTES_MAX = 16 * 1024
"""All headers of a call together, as they are after decompression."""

CALLS_PER_CONNECTION_MAX = 100
"""Calls of one connection at the same time; gRPC's clients wait before they begin another."""

KEEPALIVE_SECONDS = 60
"""A connection that nothing came from for so long is asked for a sign of life."""

KEEPALIVE_TIMEOUT_SECONDS = 20
"""How long such a sign is waited for."""
