"""An example record of each contract, for the topics' pages."""

import json

import numpy as np

from schemas.codecs import Record
from schemas.coins import Coin, CoinDay
from schemas.history import ArchiveFile, CrossCheck, History, Hole, IrregularRow
from schemas.market import Candle, Gap, TradeBlock
from schemas.predictions import ModelVersion, Prediction, Score, TrainingRequest
from schemas.symbols import SymbolChoice

E8 = 10**8
_OPEN_MS = 1_755_259_200_000  # 2025-08-15 12:00 UTC
_CLOSE_MS = _OPEN_MS + 900_000
_ISSUED_MS = _OPEN_MS + 300_000

_BLOCK = TradeBlock(
    symbol="BTCUSDT",
    first_agg_id=3_601_204_417,
    first_trade_id=5_178_233_020,
    received_ms=_OPEN_MS + 1_058,
    watermark_ms=_OPEN_MS + 1_041,
    event_ms=np.array([_OPEN_MS + 988, _OPEN_MS + 1_012, _OPEN_MS + 1_041], np.int64),
    price_e8=np.array([11_900_601_000_000, 11_900_601_000_000, 11_900_600_000_000], np.int64),
    quantity_e8=np.array([125_000, 2_300_000, 86_000], np.int64),
    fills=np.array([1, 4, 1], np.int32),
    taker_sold=np.array([0, 0, 1], np.uint8),
)
_CANDLE = Candle(
    symbol="BTCUSDT",
    interval="15m",
    open_ms=_OPEN_MS,
    close_ms=_CLOSE_MS,
    open_e8=11_900_601_000_000,
    high_e8=11_912_433_000_000,
    low_e8=11_894_800_000_000,
    close_e8=11_905_012_000_000,
    volume_e8=14_233_120_000,
    quote_volume_e8=1_694_310_411_204_410,
    trade_count=21_804,
    taker_buy_volume_e8=7_412_004_000,
    taker_buy_quote_volume_e8=882_301_118_400_250,
    first_trade_id=5_178_233_020,
    last_trade_id=5_178_254_823,
    price_variation_e16=48_211_900_000_000_000_000,
    status="complete",
    revision=1,
    source="trades",
    event_ms=_CLOSE_MS + 14,
)
_GAP = Gap(
    symbol="BTCUSDT",
    first_agg_id=3_601_204_420,
    last_agg_id=3_601_204_512,
    after_ms=_OPEN_MS + 1_041,
    before_ms=_OPEN_MS + 4_733,
    state="repaired",
    noticed_ms=_OPEN_MS + 4_790,
    changed_ms=_OPEN_MS + 4_951,
    reason="filled",
)
_HOLE = Hole(
    symbol="BTCUSDT",
    interval="1m",
    open_ms=1_679_660_400_000,
    close_ms=1_679_666_400_000,
    kind="official",
    agg_id_before=2_560_881_034,
    agg_id_after=2_560_881_035,
    before_ms=1_679_660_399_871,
    after_ms=1_679_666_400_004,
    checked_ms=_OPEN_MS,
    reason="nothing was traded: trade ids 2560881034 and 2560881035 are consecutive",
)
_IRREGULAR = IrregularRow(
    symbol="BTCUSDT",
    interval="1m",
    source="archive-daily",
    file="BTCUSDT-1m-2018-02-09.zip",
    open_ms=1_518_170_294_800,
    row="1518170294800,8310.00,8315.00,8305.00,8311.00,1.5,1518170354799,12465.00,3,0.7,5817.00",
    reason="opens 14.8 s after a candle of 1m would",
    noticed_ms=_OPEN_MS,
)
_CROSS_CHECK = CrossCheck(
    symbol="BTCUSDT",
    open_ms=1_632_873_600_000,
    close_ms=1_632_960_000_000,
    state="differs",
    compared=96,
    differing=1,
    seen_ms=_OPEN_MS - 4_000,
    checked_ms=_OPEN_MS,
    reason="13:00 trade_count is 21804, its minutes (archive-monthly) make 21801",
)
_ARCHIVE = ArchiveFile(
    name="BTCUSDT-1m-2024-08.zip",
    symbol="BTCUSDT",
    interval="1m",
    source="archive-monthly",
    open_ms=1_722_470_400_000,
    close_ms=1_725_148_800_000,
    sha256="9f2c" * 16,
    rows=44_640,
    state="used",
    changed_ms=_OPEN_MS,
    reason="",
)
_HISTORY = History(
    symbol="BTCUSDT",
    interval="1m",
    held=(1_752_667_200_000, _OPEN_MS),
    absent=(),
    partition=2,
    next_offset=475_204,
    changed_ms=_OPEN_MS,
)
_COIN = Coin(
    coin_id="bitcoin",
    ticker="BTC",
    name="Bitcoin",
    rank=1,
    price_e8=119_006 * E8,
    market_cap_e8=2_368_940_000_000 * E8,
    fully_diluted_e8=2_499_126_000_000 * E8,
    volume_24h_e8=41_220_000_000 * E8,
    high_24h_e8=119_812 * E8,
    low_24h_e8=117_240 * E8,
    change_24h_e8=84_211_000,
    market_cap_change_24h_e8=83_990_000,
    circulating_supply_e8=19_906_000 * E8,
    total_supply_e8=19_906_000 * E8,
    max_supply_e8=21_000_000 * E8,
    ath_e8=124_128 * E8,
    ath_change_e8=-412_600_000,
    ath_ms=1_755_131_760_000,
    atl_e8=6_781_000_000,
    atl_change_e8=17_540_112_000_000,
    atl_ms=1_373_068_800_000,
    updated_ms=_OPEN_MS,
    fetched_ms=_OPEN_MS + 2_114,
)
_COIN_DAY = CoinDay(
    coin_id="bitcoin",
    at_ms=1_755_216_000_000,
    price_e8=118_359 * E8,
    market_cap_e8=2_356_050_000_000 * E8,
    volume_24h_e8=73_500_000_000 * E8,
    fetched_ms=_OPEN_MS,
)
_PREDICTION = Prediction(
    symbol="BTCUSDT",
    interval="15m",
    open_ms=_OPEN_MS,
    close_ms=_CLOSE_MS,
    issued_ms=_ISSUED_MS,
    minutes_to_close=10.0,
    model="online",
    version="1",
    status="ready",
    scored=True,
    champion=True,
    last_price_e8=11_902_211_000_000,
    price_e8=11_902_305_000_000,
    low_50_e8=11_894_010_000_000,
    high_50_e8=11_910_590_000_000,
    low_90_e8=11_876_250_000_000,
    high_90_e8=11_928_402_000_000,
    volatility_bp=3.75,
    low_98_e8=11_859_890_000_000,
    low_80_e8=11_883_430_000_000,
    high_80_e8=11_921_180_000_000,
    high_98_e8=11_944_720_000_000,
    open_e8=11_896_500_000_000,
    chance_up=0.684,
    chance_champion=True,
)
_SCORE = Score(
    symbol="BTCUSDT",
    interval="15m",
    open_ms=_OPEN_MS,
    close_ms=_CLOSE_MS,
    issued_ms=_ISSUED_MS,
    minutes_to_close=10.0,
    model="online",
    version="1",
    status="ready",
    champion=True,
    volatility_bp=3.75,
    price_e8=11_902_305_000_000,
    outcome_e8=11_905_012_000_000,
    error_bp=2.274,
    absolute_error_bp=2.274,
    squared_error_bp2=5.171,
    pinball_bp=2.38,
    winkler_50_bp=13.93,
    winkler_90_bp=43.82,
    width_50_bp=13.93,
    width_90_bp=43.82,
    covered_50=True,
    covered_90=True,
    open_e8=11_896_500_000_000,
    chance_up=0.684,
    up=True,
    brier=0.0999,
    log_loss=0.3798,
    pinball_nine_bp=2.07,
    chance_champion=True,
)
_VERSION = ModelVersion(
    model="batch",
    version="2025-08-01T00:00Z-5b1e",
    symbol="",
    event="trained",
    event_ms=1_754_006_400_000,
    reason="the monthly training",
    details=json.dumps({"rows": 129_600, "holdout_pinball_bp": 2.41}),
)
_REQUEST = TrainingRequest(
    symbol="",
    model="batch",
    from_ms=1_746_057_600_000,
    until_ms=1_754_006_400_000,
    requested_by="the monthly timer",
    requested_ms=1_754_006_400_000,
)
_SYMBOL = SymbolChoice(
    symbol="MATICUSDT",
    chosen_by="setting",
    is_followed=True,
    status="BREAK",
    since_ms=1_725_937_199_412,
    matched_ms=1_754_006_400_000,
    tick_e8=10_000,
    step_e8=10_000_000,
    permissions="SPOT",
    changed_ms=1_754_006_400_000,
    reason="the exchange has halted it",
)
EXAMPLES: dict[type, Record] = {
    type(record): record
    for record in (
        _BLOCK,
        _CANDLE,
        _GAP,
        _HOLE,
        _IRREGULAR,
        _CROSS_CHECK,
        _ARCHIVE,
        _HISTORY,
        _COIN,
        _COIN_DAY,
        _PREDICTION,
        _SCORE,
        _VERSION,
        _REQUEST,
        _SYMBOL,
    )
}
