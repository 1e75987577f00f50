//! candles BOOTSTRAP TOPIC OUT : blocks in, candles out: consume, decode, add up, produce. Ends with SIGTERM.
use candle_peers::{Block, Candle, States, state_of};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::Duration;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (servers, topic, out) = (&args[1], &args[2], &args[3]);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", format!("rust-{}", std::process::id()))
        .set("fetch.queue.backoff.ms", "5")
        .create()
        .unwrap();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("linger.ms", "5")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    while list.count() == 0 {
        // The broker may not know the partitions of a topic that has just been made.
        let meta = consumer.fetch_metadata(Some(topic), Duration::from_secs(20)).unwrap();
        for p in meta.topics()[0].partitions() {
            list.add_partition_offset(topic, p.id(), Offset::Beginning).unwrap();
        }
    }
    consumer.assign(&list).unwrap();
    println!("READY");
    let (mut states, mut text) = (States::new(), String::new());
    let mut send = |symbol: &str, interval: &str, c: &Candle| {
        c.json(symbol, interval, &mut text);
        while producer.send(BaseRecord::to(out).key(symbol).payload(&text)).is_err() {
            producer.poll(Duration::from_millis(10));
        }
    };
    let mut turn = 0u32;
    loop {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else {
            producer.poll(Duration::ZERO);
            continue;
        };
        let b = Block::read(message.payload().unwrap_or_default());
        let state = state_of(&mut states, b.symbol);
        let known = (state.next_id - b.first_agg_id).max(0) as usize;
        for (t, p, q, k, sold) in b.trades(known.min(b.len())) {
            state.add(t, p, q, k, sold, |i, c| send(b.symbol, i, c));
        }
        state.next_id = state.next_id.max(b.first_agg_id + b.len() as i64);
        turn += 1;
        if turn % 256 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
}
