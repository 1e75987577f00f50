"""What the pages of the topics say in words."""

from schemas.settings import KafkaSettings, variable_name

MADE = "This page is made from the code by `make docs`.\n"
INDEX_HEAD = f"""# Topics and contracts

What goes through Kafka, for those who subscribe. {MADE}
    import candlewick

    with candlewick.subscribe("market.candles.v1", symbols=["BTCUSDT"]) as candles:
        for candle in candles:
            print(candle.open_ms, candle.close_e8 / 1e8, candle.status)

[connect.md](connect.md) has the same for other clients and languages. What holds for all topics:

- **Values** are Avro in Confluent framing: byte 0, four bytes of schema id, body. The id is the
  first 31 bits of the SHA-256 of the `.avsc` file in `schemas/avro/`, so no registry is needed; the
  API answers a registry's read calls under `/registry` for clients that want one.
- **Keys** are plain text and decide the partition (murmur2, as in Kafka's own clients): the records
  of a key are in one partition, in the order in which they were written. Between keys there is no
  order.
- **Delivery** is at least once: a record may come again with the same content, after a restart of
  whoever wrote it. Each page says what makes a record itself, so that a reader can drop doubles.
- **Times** are UTC epoch milliseconds; intervals are half-open. Prices and volumes are decimals of
  8 places; `candlewick.subscribe` gives them as integers of 1e-8 (`close` is `close_e8`).
- **Partitions** are {KafkaSettings().partitions} a topic, or as many as
  `{variable_name("kafka", "partitions")}` said when it was made.

| topic | what | key | kept | contract |
|---|---|---|---|---|
"""
COMPATIBLE = """
## What changes are compatible

A released contract is never edited: its id is its fingerprint, and old records keep the old id.
What comes later is a new file with a new id:

- **a field more, with a default**, on this topic: readers of {name} go on reading and do
  not see it;
- **anything else** (a field less, renamed, or of another type or meaning) only as a new topic
  with a higher version, beside this one.

So a reader that resolves to {name} as its own schema reads every record that this
topic will ever hold. `candlewick.subscribe` of an older version stops at an id that it does not
know, and says so.
"""
IDENTITY = {
    "trade_block.v1": "`symbol` and `first_agg_id`; blocks of a redelivery may overlap, ids tell",
    "candle.v1": "`symbol`, `interval`, `open_ms`; the highest `revision` counts",
    "gap.v1": "`symbol`, `first_agg_id`, `last_agg_id`, `state`",
    "hole.v1": "`symbol`, `interval`, `open_ms`, `close_ms`; the newest `checked_ms` counts",
    "archive_file.v1": "`name` and `sha256`",
    "history.v1": "`symbol` and `interval`; the newest `changed_ms` counts",
    "coin.v1": "`coin_id` and `updated_ms`",
    "coin_day.v1": "`coin_id` and `at_ms`; the newest `fetched_ms` counts",
    "prediction.v1": "`symbol`, `interval`, `open_ms`, `issued_ms`, `model`; it never changes",
    "score.v1": "`symbol`, `interval`, `open_ms`, `issued_ms`, `model`; it never changes",
    "model_version.v1": "`model`, `symbol`, `version`, `event`, `event_ms`",
    "training_request.v1": "`requested_by` and `requested_ms`",
}
TABLES_HEAD = """# Tables and views

What ClickHouse holds, for those who ask it with SQL. {made}
[connect.md](connect.md) says how to connect, as the user that may only read. What holds for all:

- **Times** are `DateTime64(3)` in UTC, intervals half-open. Prices and volumes are decimals of 8
  places, exact.
- **Tables** may hold a row twice until ClickHouse has merged them: read them with `FINAL`. The
  views of candles do that.
- **Views** read only the rows that are asked for: name a symbol, an interval and a range of
  `open_time`.
- **`stored_time`** is when ClickHouse took the row.
- `scoreboard`, `calibration`, `source_differences` and `candles_verified` are there for people: no
  part of Candlewick reads them, and they stay.
"""
TABLE_PURPOSES = {
    "candles_best": "one candle each, the one to draw: ours, made from trades, or else the "
    "exchange's; also where ours misses trades and the exchange has it",
    "candles_1m": "the best candles of one minute",
    "candles_15m": "the best candles of 15 minutes",
    "candles_1h": "candles of an hour, made exactly of the best ones of 15 minutes",
    "candles_4h": "candles of four hours, likewise",
    "candles_1d": "candles of a UTC day, likewise",
    "candles_verified": "the best candles, each with what comparing it with the exchange's says",
    "candles": "closed candles made from trades; a higher revision replaces a lower one",
    "candles_live": "the open candle as it moves; kept for a day",
    "klines": "the exchange's own closed candles, one row a source",
    "klines_best": "the exchange's candle of the most trusted source that has it",
    "candles_ranked": "`candles` and `klines` as one; the row of a candle with the lowest `rank` "
    "is the best",
    "trades": "trades as they happened, one row an aggregate trade",
    "gaps": "what became of each gap in the trades; one row a state",
    "holes": "candles that the exchange itself does not have, with what proves it",
    "archives": "archive files that were read, with the checksum that each had",
    "imported_candles": "daily history of other providers; never mixed with the exchange's",
    "symbol_decimals": "how many decimals prices and volumes of a symbol have",
    "symbol_decimals_of_candles": "what fills `symbol_decimals`",
    "candles_compared": "our candle beside the exchange's best one, field by field",
    "audit": "the comparison from the first candle of ours on",
    "source_differences": "candles of which two sources of the exchange say different things",
    "completeness": "what is held and what is missing, by symbol, interval and month",
    "predictions": "predictions as they were published; one row a question and model",
    "scores": "what each prediction was worth once its candle had closed",
    "scoreboard": "skill against the reference, by symbol, model and UTC day",
    "calibration": "how often the intervals held, by symbol, model, UTC day and minutes to close",
    "model_versions": "the life of the models: trained, promoted, retired, drift, failed",
    "coins": "coins as CoinGecko describes them; US dollars, changes in per cent",
    "coin_days": "daily price, capitalisation and volume of each coin; US dollars",
    "dead_letters": "records that could not be used: why and from where, without the record",
    "pipeline_measures": "lag, ends of topics, members of groups and disk, measured from outside",
    "schema_migrations": "the migrations that were applied, with their checksums",
}
