from pricedesk.known_lines import Connected, Rest

BUILT_FOR: tuple[int, int, int]

def answer_known(
    ready: list[tuple[int, int]],
    connections: dict[int, Connected],
    known: dict[bytes, bytes],
    now: float,
    rest: Rest[Connected],
    /,
) -> int: ...
