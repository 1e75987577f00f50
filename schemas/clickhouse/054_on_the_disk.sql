-- A sink commits its offset in Kafka once a batch is stored, so the batch must be on the disk by then: a power cut
-- would leave an offset behind rows that are gone, and nothing would bring them back. Not candles_live: its rows
-- are replaced within seconds.
ALTER TABLE trades MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE candles MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE klines MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE gaps MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE holes MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE archives MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE coins MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE coin_days MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE imported_candles MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE symbol_decimals MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE predictions MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE scores MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE model_versions MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE pipeline_measures MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE dead_letters MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE candle_revisions MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE irregular_rows MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE cross_checks MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE symbol_changes MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE candles_1s MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE candle_days MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
