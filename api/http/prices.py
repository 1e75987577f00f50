"""Parses prices in requests: a decimal as text in, an integer in units of 1e-8 out."""

import re
from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, WithJsonSchema

from schemas.rules.checks import LARGEST_PRICE_E8

MOST_PRICES = 20
_PATTERN = r"[0-9]{1,11}(\.[0-9]{1,8})?"


def parse_price(value: object) -> int:
    """Parse a price and return it in units of 1e-8.

    Raises:
        ValueError: It is no plain decimal, is zero, or is larger than a price can be.
    """
    text = str(value)
    if not re.fullmatch(_PATTERN, text):
        raise ValueError("not a price: send digits with at most 8 decimals, for example 60000.5")
    price_e8 = int(Decimal(text).scaleb(8))
    if not 0 < price_e8 <= LARGEST_PRICE_E8:
        raise ValueError(f"a price is above 0 and at most {LARGEST_PRICE_E8 // 10**8}")
    return price_e8


PriceE8 = Annotated[
    int,
    BeforeValidator(parse_price),
    WithJsonSchema({"type": "string", "pattern": f"^{_PATTERN}$"}),
]
Above = Annotated[
    list[PriceE8],
    Query(
        max_length=MOST_PRICES,
        description=f"Prices to answer the chance for, at most {MOST_PRICES}; repeat the "
        "parameter for each.",
        examples=[["60000", "60500.5"]],
    ),
]
