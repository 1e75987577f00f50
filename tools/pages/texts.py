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
