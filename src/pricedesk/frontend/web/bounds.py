"""How much may be asked for, on pages and in the JSON."""

SEARCH_CHARACTERS_MAX = 100
OFFSET_MAX = 10**7
