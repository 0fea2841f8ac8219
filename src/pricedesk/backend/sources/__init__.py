"""Sources: institutions that publish rates. A source asks and parses; it keeps no state."""
