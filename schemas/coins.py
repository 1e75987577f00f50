"""Coins as CoinGecko reports them: money in US dollars, changes in per cent, in units of 1e-8."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coin:
    """The current state of a coin; None where CoinGecko reports no value.

    Attributes:
        coin_id: CoinGecko's id, for example ``bitcoin``.
        ticker: For example ``BTC``; not unique.
        rank: Rank by market capitalisation; 1 is the largest.
        change_24h_e8: Change of the price in 24 hours, per cent, like all other changes.
        max_supply_e8: Most coins that will exist; None where there is no limit.
        ath_e8: All-time high; ``atl`` is the all-time low.
        updated_ms: When CoinGecko last updated the coin, CoinGecko's clock.
        fetched_ms: When we fetched it, our clock.
    """

    coin_id: str
    ticker: str
    name: str
    rank: int | None
    price_e8: int | None
    market_cap_e8: int | None
    fully_diluted_e8: int | None
    volume_24h_e8: int | None
    high_24h_e8: int | None
    low_24h_e8: int | None
    change_24h_e8: int | None
    market_cap_change_24h_e8: int | None
    circulating_supply_e8: int | None
    total_supply_e8: int | None
    max_supply_e8: int | None
    ath_e8: int | None
    ath_change_e8: int | None
    ath_ms: int | None
    atl_e8: int | None
    atl_change_e8: int | None
    atl_ms: int | None
    updated_ms: int
    fetched_ms: int


@dataclass(frozen=True, slots=True)
class CoinDay:
    """One point of a coin's daily history.

    Attributes:
        at_ms: The time of the values: midnight UTC, except for today's point.
        volume_24h_e8: US dollars traded in the 24 hours before ``at_ms``.
        fetched_ms: When we fetched it, our clock.
    """

    coin_id: str
    at_ms: int
    price_e8: int
    market_cap_e8: int
    volume_24h_e8: int
    fetched_ms: int
