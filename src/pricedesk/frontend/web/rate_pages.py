"""The pages of rates, and of the sources that they are from."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode

from babel import Locale

from pricedesk.currencies import Currency, currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import PricedeskError, RequestError
from pricedesk.frontend.locales import currency_name, date_text, instant_text, number_text
from pricedesk.frontend.price_views import state_words
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.translations import Words
from pricedesk.frontend.web.charts import spark
from pricedesk.frontend.web.framing import RETRY_AFTER, Framing, Visit
from pricedesk.frontend.web.views import GAP_DAYS, RANGES, ChartView, Range, chart_view, rate_points
from pricedesk.http.messages import Request, Response
from pricedesk.http.routes import Route
from pricedesk.money import ExactDecimal
from pricedesk.rate_lines import NEVER, DayRate, SourceStatus


def _age(rate: DayRate, locale: Locale, words: Words) -> str:
    """Whose rate it is, over which official parities, and of which day."""
    parities = [f"{words('parity')} {' '.join(rate.pegs)}"] if rate.pegs else []
    return ", ".join([*filter(None, [rate.source]), *parities, date_text(rate.date, locale)])


class RatePages:
    """What is published, and by whom."""

    def __init__(self, shop: Shop, framing: Framing) -> None:
        self._shop = shop
        self._framing = framing

    def routes(self) -> tuple[Route, ...]:
        """All that can be asked for."""
        return (Route("/rates", self.rates), Route("/sources", self.sources))

    async def rates(self, request: Request, _path: Mapping[str, str]) -> Response:
        """All rates of a currency, and the chart of one of them."""
        visit = await self._framing.visit(request)
        query, words, locale = dict(request.query), visit.words, visit.visitor.locale
        try:
            base = currency(query["base"]) if "base" in query else visit.visitor.currency
            counter = currency(query["to"]) if "to" in query else None
        except RequestError as error:
            return self._framing.refusal(visit, words("That is no currency"), error, "/rates")
        try:
            found = (await self._shop.rates(base))[0].rates
        except (PricedeskError, ErrorReply) as error:
            title = words("There are no rates to show")
            return self._framing.refusal(visit, title, error, "/rates")
        shown = RANGES.get(query.get("range", ""), Range.YEAR)
        chart = None
        if counter is not None and counter.code in found:
            chart = await self._rate_chart(base, counter, shown, visit)
        others = {currency(code): rate for code, rate in found.items() if code != base.code}
        sparks = await asyncio.gather(*(self._spark(base, other) for other in others))
        return self._framing.page(
            "rates.html",
            visit,
            "/rates",
            attributions=[
                *(self._shop.attribution(rate.source) for rate in others.values()),
                *([chart.attribution] if chart is not None else []),
            ],
            title=words("Rates of one {}").format(currency_name(base, locale)),
            column=words("for 1 {}").format(base.code),
            chart=chart,
            reason=words("No source publishes rates of it that may be shown here."),
            rows=[
                {
                    "code": other.code,
                    "name": currency_name(other, locale),
                    "href": f"/rates?{urlencode({'base': base.code, 'to': other.code})}",
                    "rate": number_text(rate.rate, locale),
                    "age": _age(rate, locale, words),
                    "state": rate.state,
                    "state_words": state_words(rate.state, rate.missed, words),
                    "spark": drawn,
                }
                for (other, rate), drawn in zip(others.items(), sparks, strict=True)
            ],
        )

    async def sources(self, request: Request, _path: Mapping[str, str]) -> Response:
        """How each source stands."""
        visit = await self._framing.visit(request)
        words, locale = visit.words, visit.visitor.locale
        if self._shop.standing.sources is None:
            await self._shop.standing.look()
        told = self._shop.standing.sources

        def looked_at(source: SourceStatus) -> str:
            if isinstance(source.looked_at, datetime):
                return instant_text(source.looked_at, locale)
            return words("not looked at yet") if source.looked_at == NEVER else ""

        def found(source: SourceStatus) -> str:
            # Why is for the shop: a reason may name what is inside its network.
            if source.failing_since is not None:
                return words("failing since {}").format(instant_text(source.failing_since, locale))
            # A back-end of an earlier version does not tell whether anybody has looked.
            return words("in order") if isinstance(source.looked_at, datetime) else ""

        return self._framing.page(
            "sources.html",
            visit,
            "/sources",
            status=HTTPStatus.OK if told is not None else HTTPStatus.SERVICE_UNAVAILABLE,
            headers=() if told is not None else (RETRY_AFTER,),
            reason=words("Nothing is known of the sources while the back-end is away."),
            rows=[
                {
                    "key": key,
                    "name": source.name,
                    "date": date_text(source.newest, locale) if source.newest else "",
                    "state": source.state,
                    "state_words": words(source.state),
                    "missed": str(source.missed),
                    "next": instant_text(source.expected_at, locale),
                    "looked": looked_at(source),
                    "found": found(source),
                }
                for key, source in (told.sources if told is not None else {}).items()
            ],
        )

    async def _rate_chart(
        self, base: Currency, counter: Currency, shown: Range, visit: Visit
    ) -> ChartView | None:
        locale, first = visit.visitor.locale, shown.first(self._shop.clock().date())
        history = await self._shop.history_if_known(base, counter, first, shown.unit)
        if history is None:
            return None

        def value_text(value: ExactDecimal) -> str:
            return number_text(str(value), locale)

        def href(each: Range) -> str:
            asked = {"base": base.code, "to": counter.code, "range": each.key}
            return f"/rates?{urlencode(asked)}"

        return chart_view(
            rate_points(history),
            shown,
            attribution=self._shop.attribution(history.source),
            title=visit.words("{} for 1 {}").format(counter.code, base.code),
            column=counter.code,
            value_text=value_text,
            href=href,
            locale=locale,
            words=visit.words,
        )

    async def _spark(self, base: Currency, counter: Currency) -> str:
        first = Range.MONTH.first(self._shop.clock().date())
        history = await self._shop.history_if_known(base, counter, first, Range.MONTH.unit)
        return spark(rate_points(history), GAP_DAYS[Range.MONTH.unit]) if history else ""
