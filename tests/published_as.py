"""Documents as the sources publish them, made from sheets: the parsers' way backwards.

A value stands in the document as the text that it is, also where it is none.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from fake_source import xml_document
from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import boe


def _ecb(sheets: Sequence[Sheet]) -> bytes:
    return xml_document({str(sheet.date): sheet.rates for sheet in sheets})


def _boc(sheets: Sequence[Sheet]) -> bytes:
    days = [
        {"d": str(s.date), **{f"FX{code}CAD": {"v": text} for code, text in s.rates.items()}}
        for s in sheets
    ]
    return json.dumps({"terms": {}, "observations": days}).encode()


def _nb(sheets: Sequence[Sheet]) -> bytes:
    powers = {1: 0, 100: 2, 1000: 3}
    rows = [
        f"B,{code},NOK,SP,4,false,{powers[sheet.units.get(code, 1)]},C,{sheet.date},{text}"
        for sheet in sheets
        for code, text in sheet.rates.items()
    ]
    header = "FREQ,BASE_CUR,QUOTE_CUR,TENOR,DECIMALS,CALCULATED,UNIT_MULT,COLLECTION"
    return "\n".join([f"{header},TIME_PERIOD,OBS_VALUE", *rows, ""]).encode()


def _boe(sheets: Sequence[Sheet]) -> bytes:
    series = {code: name for name, code in boe._SERIES.items()}
    codes = list(dict.fromkeys(code for sheet in sheets for code in sheet.rates))
    rows = [
        ",".join([f"{sheet.date:%d %b %Y}", *(sheet.rates.get(code, "") for code in codes)])
        for sheet in sheets
    ]
    return "\r\n".join([",".join(["DATE", *(series[c] for c in codes)]), *rows, ""]).encode()


def _cnb(sheets: Sequence[Sheet]) -> bytes:
    rates = ",".join(
        f'{{"validFor":"{sheet.date}","amount":{sheet.units.get(code, 1)},'
        f'"currencyCode":"{code}","rate":{text}}}'
        for sheet in sheets
        for code, text in sheet.rates.items()
    )
    return f'{{"rates":[{rates}]}}'.encode()


def _nbp(sheets: Sequence[Sheet]) -> bytes:
    tables = [
        f'{{"table":"A","effectiveDate":"{sheet.date}","rates":['
        + ",".join(f'{{"code":"{code}","mid":{text}}}' for code, text in sheet.rates.items())
        + "]}"
        for sheet in sheets
    ]
    return f"[{','.join(tables)}]".encode()


def _rb(sheets: Sequence[Sheet]) -> bytes:
    observations = ",".join(
        f'{{"seriesId":"SEK{code}PMI","date":"{sheet.date}","value":{text}}}'
        for sheet in sheets
        for code, text in sheet.rates.items()
    )
    return f"[{observations}]".encode()


def _erapi(sheets: Sequence[Sheet]) -> bytes:
    """The newest one only: there is no other document."""
    sheet = sheets[-1]
    last = datetime.combine(sheet.date, time(0, 2, 31), UTC)
    rates = ",".join(f'"{code}":{text}' for code, text in sheet.rates.items())
    return (
        '{"result":"success","base_code":"USD",'
        f'"time_last_update_unix":{int(last.timestamp())},'
        f'"time_next_update_unix":{int((last + timedelta(days=1)).timestamp())},'
        f'"rates":{{"USD":1,{rates}}}}}'
    ).encode()


WRITERS: Mapping[str, Callable[[Sequence[Sheet]], bytes]] = {
    "ECB": _ecb,
    "BOC": _boc,
    "NB": _nb,
    "BOE": _boe,
    "CNB": _cnb,
    "NBP": _nbp,
    "RB": _rb,
    "ERAPI": _erapi,
}


def document_of(key: str, sheets: Sequence[Sheet]) -> bytes:
    """The document in which a source would publish these sheets, ascending by date."""
    return WRITERS[key](sheets)


def day_sheets(rates: Mapping[str, str], days: Sequence[date]) -> list[Sheet]:
    """The same rates on each of these days."""
    return [Sheet(day, rates) for day in days]
