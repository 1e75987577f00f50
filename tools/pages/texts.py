"""Texts of the generated pages about topics and tables."""

from schemas.predictions import ModelEvent
from schemas.settings import KafkaSettings, variable_name

MADE = "This page is made from the code by `make docs`.\n"
INDEX_HEAD = f"""# Topics and contracts

The topics of Kafka and their records, for programs that subscribe. {MADE}
    import candlewick

    with candlewick.subscribe("market.candles.v1", symbols=["BTCUSDT"]) as candles:
        for candle in candles:
            print(candle.open_ms, candle.close_e8 / 1e8, candle.status)

[connect.md](connect.md) says which Python has `candlewick`, and shows the same for other clients
and languages. For all topics:

- **Values** are Avro in Confluent framing: byte 0, four bytes of schema id, body. The id is the
  first 31 bits of the SHA-256 of the `.avsc` file in `schemas/avro/`, so no registry is needed; the
  API serves a registry's read calls under `/registry` for clients that need one.
- **Batches** are compressed with lz4. Clients on librdkafka and Java read it as they are. aiokafka
  needs `aiokafka[lz4]`, kafka-python `lz4`, faust-streaming `cramjam`, kafkajs `kafkajs-lz4`.
- **Keys** are plain text and determine the partition (murmur2, as in Kafka's own clients). All
  records of a key are in one partition, in the order in which they were written. There is no order
  between keys.
- **Delivery** is at least once: after a restart of its writer, a record may be repeated with the
  same content. Each page lists the fields that identify a record, so that a reader can drop
  duplicates.
- **Times** are UTC epoch milliseconds; intervals are half-open. Prices and volumes are decimals of
  8 places; `candlewick.subscribe` returns them as integers in units of 1e-8 (`close` is
  `close_e8`).
- **Partitions**: a topic has {KafkaSettings().partitions}, or as many as
  `{variable_name("kafka", "partitions")}` was set to when the topic was created.

| topic | content | key | kept | contract |
|---|---|---|---|---|
"""
COMPATIBLE = """
## Which changes are compatible

A released contract is never edited: its id is its fingerprint, and old records keep the old id.
A later change is a new file with a new id:

- **an additional field with a default** stays on this topic: readers of {name} continue
  and do not see the field;
- **any other change** (a field removed, renamed, or with another type or meaning) needs a new
  topic with a higher version, beside this one.

So a reader that uses {name} as its reader schema can read every record that this topic
will ever contain. An older version of `candlewick.subscribe` stops at an unknown id with an error
that names it.
"""
IDENTITY = {
    "trade_block.v2": "`symbol`, `era` and `first_agg_id`; redelivered blocks may overlap, compare "
    "ids",
    "candle.v1": "`symbol`, `interval`, `open_ms`; the highest `revision` counts",
    "gap.v2": "`symbol`, `era`, `first_agg_id`, `last_agg_id`, `state`",
    "hole.v1": "`symbol`, `interval`, `open_ms`, `close_ms`; the newest `checked_ms` counts",
    "irregular_row.v1": "`symbol`, `interval`, `source`, `file`, `row`",
    "cross_check.v1": "`symbol`, `open_ms`, `state`; the newest `checked_ms` counts",
    "archive_file.v1": "`name` and `sha256`",
    "history.v1": "`symbol` and `interval`; the newest `changed_ms` counts",
    "coin.v1": "`coin_id` and `updated_ms`",
    "coin_day.v1": "`coin_id` and `at_ms`; the newest `fetched_ms` counts",
    "prediction.v2": "`symbol`, `interval`, `open_ms`, `issued_ms`, `model`; it never changes",
    "score.v2": "`symbol`, `interval`, `open_ms`, `issued_ms`, `model`; it never changes",
    "model_version.v1": "`model`, `symbol`, `version`, `event`, `event_ms`",
    "symbol_choice.v1": "`symbol` and `chosen_by`; the newest counts",
    "training_request.v1": "`requested_by` and `requested_ms`",
}
TABLES_HEAD = """# Tables and views

The tables and views in ClickHouse, for queries in SQL. {made}
[connect.md](connect.md) shows how to connect as the read-only user. For all tables and views:

- **Times** are `DateTime64(3)` in UTC, intervals half-open. Prices and volumes are exact decimals
  of 8 places.
- **Tables** may contain a row twice until ClickHouse has merged them: read them with `FINAL`. The
  views of candles do so.
- **Views** read only the requested rows: filter by a symbol, an interval and a range of
  `open_time`.
- **`stored_time`** is the time at which ClickHouse stored the row.
- **What was known then**: the view `candles_as_of(as_of = '2026-01-01 00:00:00')` has the candles
  that could be read at that moment (UTC), one row for each source. The one with the lowest `rank`
  was the best.
- `scoreboard`, `calibration`, `source_differences` and `candles_verified` are for people: no part
  of Candlewick reads them, but they will stay.
"""
TABLE_PURPOSES = {
    "candles_best": "the best candle of each time: ours, made from trades, or the exchange's where "
    "ours is missing or misses trades",
    "candles_1m": "the best candles of one minute",
    "candles_15m": "the best candles of 15 minutes",
    "candles_5m": "candles of five minutes, computed exactly from the best ones of 1 minute",
    "candles_30m": "candles of half an hour, computed exactly from the best ones of 15 minutes",
    "candles_1h": "candles of one hour, computed exactly from the best ones of 15 minutes",
    "candles_4h": "candles of four hours, computed in the same way",
    "candles_1d": "candles of one UTC day, computed in the same way",
    "candles_1w": "candles of one week, which opens on Monday, UTC; computed in the same way",
    "candles_verified": "the best candles, each with the result of its comparison",
    "candles": "closed candles made from trades; a higher revision replaces a lower one",
    "candles_1s": "closed candles of one second made from trades, where "
    "`CANDLEWICK_CANDLES__SECONDS` is set",
    "candles_live": "states of the open candle; kept for a day",
    "klines": "the exchange's own closed candles, one row for each source",
    "candle_revisions": "earlier rows of `candles` and `klines` that a later revision replaced, as "
    "they were",
    "klines_best": "the exchange's candles, each from the most trusted source that has it",
    "candles_ranked": "`candles` and `klines` together; the row of a candle with the lowest `rank` "
    "is the best",
    "trades": "trades, one row for each aggregate trade",
    "gaps": "gaps in the trades, one row for each state of a gap, and new eras of ids",
    "holes": "candles that the exchange itself does not have, with the proof",
    "irregular_rows": "rows of candles that cannot be one, as the exchange published them",
    "cross_checks": "what came of comparing a day's 15m candles with its 1m candles",
    "archives": "archive files that were read, with their checksums",
    "imported_candles": "daily history from other providers; never mixed with the exchange's. A "
    "row of CoinGecko at midnight is the close of the day before",
    "symbol_decimals": "number of decimals in the prices and volumes of each symbol",
    "symbol_decimals_of_candles": "fills `symbol_decimals` from candles",
    "candle_days": "the first live candle of each day, and whether any was proven from trades",
    "candle_days_of_candles": "fills `candle_days` from candles",
    "candles_compared": "our candles beside the exchange's best ones, field by field",
    "audit": "the comparison, from our first candle on",
    "trade_id_breaks": "our candles whose first trade does not follow the last one of the candle "
    "before",
    "source_differences": "candles that differ between two sources of the exchange",
    "completeness": "stored and missing candles, by symbol, interval and month",
    "day_digests": "one SHA-256 over the 1m candles of each whole UTC day: [proof.md](proof.md)",
    "completeness_traded": "the same, where candles after the end of a symbol's trading are not "
    "missing",
    "symbol_changes": "every change of which symbols are followed and how each is traded",
    "symbols_now": "the symbols as they are now: followed or not, by whose choice, traded or not",
    "predictions": "published predictions, one row for each question and model",
    "scores": "the score of each prediction, made once its candle has closed",
    "scoreboard": "skill against the reference, by symbol, model and UTC day",
    "calibration": "coverage of intervals, by symbol, model, UTC day and minutes to close",
    "reliability": "reliability of the chance to close up, by tenths of the chance and UTC day",
    "model_versions": f"events of the models: {', '.join(ModelEvent)}",
    "coins": "coins as CoinGecko reports them; US dollars, changes in per cent",
    "coin_days": "daily price, capitalisation and volume of each coin; US dollars",
    "dead_letters": "records that could not be used: reason and origin, without the record",
    "pipeline_measures": "measurements of lag, ends of topics, members of groups, disk and tables",
    "schema_migrations": "the migrations that were applied, with their checksums",
}
EXCHANGE_HEAD = (
    """# The simulated exchange

A small Binance on this machine: one market, made from a seed, behind websockets, REST and archives
that agree with each other to the last digit. It answers what a client of candles and trades asks,
exactly, and refuses the rest in the exchange's own words. Order books, accounts and orders are
not there. """
    + MADE
    + """
    .venv/bin/python -m candlewick.exchange --port 9443

Give a client `http://127.0.0.1:9443` as its REST address and `ws://127.0.0.1:9443` for streams.
[compatibility.md](compatibility.md) lists the clients that a test runs. Faults are armed at
`/admin/faults`; `/admin/faults/schema` describes them.

## REST

`GET /api/v3/…`. Any other path is 404 with
`{{"code":-1020,"msg":"This operation is not supported."}}`, any other parameter is -1104. Limits,
weights, `Retry-After` and the error codes are Binance's. Intervals of klines: {intervals}.

The first request for years of candles makes them, about 3 ms of a processor a day. What was made is
kept as one row a day, so the next one takes milliseconds. The work ends when the client leaves.

"""
)
EXCHANGE_STREAMS = """
## Streams

`/ws/<stream>`, `/stream?streams=<a>/<b>`, `SUBSCRIBE` and its like; `timeUnit=MICROSECOND`. A
stream that Binance has and that is not in this table (`@depth`, `@ticker`, `@avgPrice`, ...) is
refused: in an address with 404, in `SUBSCRIBE` with an error. A name that is no stream at all is
accepted and stays silent, as Binance does.

| stream | carries |
|---|---|
"""
EXCHANGE_ARCHIVES = """
## Archives

`/data/spot/{daily|monthly}/{klines|aggTrades}/…` and the `.CHECKSUM` of each, as
data.binance.vision has them. Klines have every interval, with `1mo` for months: `1s` only by day,
`3d`, `1w` and `1mo` only by month. HEAD, `ETag`, `Last-Modified`, single ranges, `If-Range`,
`If-None-Match` and `If-Modified-Since` work: `curl -C -` resumes, and `wget -N` fetches nothing
twice. `trades` archives and the bucket's listing are not there (404).
"""
METRICS_HEAD = (
    """# Metrics and log

Every process serves its metrics for Prometheus, and writes one log in text or JSON. """
    + MADE
    + """
## Where the metrics are

In the local stack each process serves `/metrics` on a free port of 127.0.0.1 and writes the address
into `metrics/` of the data folder, where Prometheus finds it:

    prometheus --config.file=grafana/prometheus.yml

That file looks into `.candlewick/metrics/` of this repository; with another `CANDLEWICK_DATA_DIR`,
change its path. `CANDLEWICK_METRICS__PORT=off` turns all of it off. Outside of the local stack it
is off until the port is set: `CANDLEWICK_METRICS__PORT=9464`, with `CANDLEWICK_METRICS__HOST` for
other machines. There is no password: let only Prometheus reach it. `docker compose --profile
prometheus up` runs a Prometheus beside the rest. The dashboard *Processes* of
[Grafana](grafana.md#prometheus) shows the figures.

A process that is started again gets another port, and its counters begin at zero. A process that
ended still has its file, so that Prometheus shows it as down (`up == 0`). One thread serves the
metrics and sleeps in between, so they are there while the process is busy or stuck:

    time() - candlewick_last_progress_timestamp_seconds > 120

is true for a process that has something to do and does not get on with it.

`candlewick_trade_delay_seconds` is measured from the event time of the newest trade of a block.
`received` is by the exchange's clock, as the stream estimates it. `in_candle` and `stored` are by
this machine's: `candlewick_exchange_clock_offset_seconds` says how far apart the two are. The
sinks observe the first and the last block of each batch.

## Metrics

Beside these each process has what Prometheus' library tells of it: `process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_open_fds`, `process_start_time_seconds`, `python_gc_…`.
The API serves the same, with its own, on its own port too.
"""
)
EVENTS_HEAD = """
## Log

`CANDLEWICK_LOG_FORMAT=json` makes each line one object: `time` (ISO 8601, UTC), `level`,
`process`, `event`, `message`, `logger`, the fields of the event, and `exception` with the stack
trace. A field that has the name of one of these has `_` after it. The name of an event never
changes; its sentence may. Lines of libraries have the event `library`, and `logger` says whose they
are. Kafka, ClickHouse and the simulated exchange write logs of their own.

Of a stack that was started with it, the lines that are worth a look:

    candlewick logs stream --lines 1000 \\
        | jq -rR 'fromjson? | select(.level != "info") | [.time, .event] | @tsv'

Lines from before are text, and `fromjson?` leaves them out.

| event | level | sentence, with its fields in braces | written by |
|---|---|---|---|
| `library` | any | what a library says | any |
"""
