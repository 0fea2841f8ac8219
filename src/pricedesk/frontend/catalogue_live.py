"""The catalogue that the desk sells from now, and the watch for a changed one."""

import asyncio
import logging
from collections.abc import Hashable

from pricedesk.errors import InvalidCatalogue, PricedeskError
from pricedesk.frontend.catalogue import Catalogue
from pricedesk.frontend.catalogue_index import with_index
from pricedesk.frontend.catalogue_store import CatalogueSource
from pricedesk.frontend.menu import Menu

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2
"""How often it is looked whether the catalogue has changed."""

LOOKS_UNTIL_TAKEN = 2
"""So many looks have to see the same change before it is taken in."""


class LiveCatalogue:
    """One reference to the catalogue in use; whoever serves a customer takes it from here."""

    def __init__(self, source: CatalogueSource) -> None:
        """Read the catalogue.

        Raises:
            InvalidCatalogue, StoreFailed: it cannot be used.
        """
        self._source = source
        # Before the reading: what changes meanwhile is read again.
        self._taken: Hashable = source.mark()
        self._seen = self._taken
        self._failure = ""
        self._use(source.read())

    def _use(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.menu = Menu(catalogue)

    def prepare_to_fork(self) -> None:
        """Make the index now, once for all, and keep no connection open."""
        self._use(with_index(self.catalogue))
        self._source.close()

    async def catch_up(self) -> None:
        """Take in what has changed since it was read; what is being written, the watch will."""
        for _ in range(LOOKS_UNTIL_TAKEN):
            await self.look()

    async def watch(self) -> None:
        """Look for changes, for ever; the first thing is an index for a large catalogue."""
        self._use(await asyncio.to_thread(with_index, self.catalogue))
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Take a changed catalogue in, if it is complete and right.

        A file that is being written changes from look to look, so it is read when it has been
        the same twice. One that cannot be used leaves the old one in its place; what is wrong in it
        is wrong until it is changed, and a database that is locked or away is read again.
        """
        try:
            mark = await asyncio.to_thread(self._source.mark)
        except PricedeskError as error:
            self._refused(error)
            return
        settled = mark == self._seen
        self._seen = mark
        if not settled or mark == self._taken:
            return
        try:
            changed = await asyncio.to_thread(self._read_if_changed)
            if changed is not None:
                self._use(changed)
                sold = {"catalogue": self._source.name, "products": len(changed)}
                logger.info("catalogue changed", extra=sold)
            self._failure = ""
        except PricedeskError as error:
            self._refused(error)
            if not isinstance(error, InvalidCatalogue) or error.passing:
                return  # It is tried again at the next look.
        self._taken = mark

    def _read_if_changed(self) -> Catalogue | None:
        """The catalogue with its index; None if its products are those of the one in use."""
        read = self._source.read()
        return None if tuple(read) == tuple(self.catalogue) else with_index(read)

    def _refused(self, error: PricedeskError) -> None:
        """Told once for each reason."""
        if str(error) != self._failure:
            self._failure = str(error)
            logger.warning("catalogue refused, the old one stays", extra={"reason": str(error)})
