"""What CoinGecko says about coins. Money is US dollars; changes are per cent; all in 1e-8 units."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin as it is now; None where CoinGecko does not say.

    Attributes:
        coin_id: CoinGecko's id, for example ``bitcoin``.
        ticker: For example ``BTC``; not unique.
        rank: By market capitalisation, 1 is the largest.
        change_24h_e8: Change of the price in 24 hours, per cent, as all other changes.
        max_supply_e8: Coins; None where there is no end.
        ath_e8: All-time high; ``atl`` is the all-time low.
        updated_ms: As of when, by CoinGecko's clock.
        fetched_ms: Our clock.
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
        at_ms: The moment the values belong to: midnight, but for today's.
        volume_24h_e8: Traded in the 24 hours before.
        fetched_ms: Our clock.
    """

    coin_id: str
    at_ms: int
    price_e8: int
    market_cap_e8: int
    volume_24h_e8: int
    fetched_ms: int
