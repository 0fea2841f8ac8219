from pricedesk.known_lines import Connected

def answer_known(
    ready: list[tuple[int, int]],
    connections: dict[int, Connected],
    known: dict[bytes, bytes],
    now: float,
    /,
) -> tuple[list[tuple[int, int]], list[tuple[Connected, bytes]], int]: ...
