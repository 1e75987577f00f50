//! frames BOOTSTRAP TOPIC WS_URL SCHEMA_ID : the exchange's frames into Kafka as the product's blocks of at most
//! 1,000 trades or 50 ms. Ends with SIGTERM.
use candle_peers::{Builder, Frame};
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord};
use std::collections::HashMap;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::time::{Duration, Instant};

const LINGER: Duration = Duration::from_millis(50);
const MOST: usize = 1000;

/// The waiting columns of one symbol, since when they wait, and the minute of the newest trade.
struct Waiting {
    columns: Builder,
    since: Instant,
    minute: i64,
}

struct Sink {
    producer: BaseProducer,
    topic: String,
    schema_id: u32,
    waiting: HashMap<String, Waiting>,
    out: Vec<u8>,
}

impl Sink {
    fn send(producer: &BaseProducer, topic: &str, key: &str, value: &[u8]) {
        while producer.send(BaseRecord::to(topic).key(key).payload(value)).is_err() {
            producer.poll(Duration::from_millis(5));
        }
    }

    fn take(&mut self, raw: &[u8]) {
        let f: Frame = serde_json::from_slice(raw).unwrap();
        if !self.waiting.contains_key(f.s) {
            self.waiting.insert(f.s.to_owned(), Waiting { columns: Builder::default(), since: Instant::now(), minute: -1 });
        }
        let w = self.waiting.get_mut(f.s).unwrap();
        if w.columns.is_empty() {
            w.since = Instant::now();
        }
        w.columns.push(&f);
        let minute = f.t / 60_000;
        let opens = w.minute >= 0 && minute > w.minute;
        w.minute = minute;
        if w.columns.len() >= MOST || opens {
            w.columns.cut(f.s, self.schema_id, f.t, &mut self.out);
            Self::send(&self.producer, &self.topic, f.s, &self.out);
        }
    }

    fn tick(&mut self) {
        for (symbol, w) in &mut self.waiting {
            if !w.columns.is_empty() && w.since.elapsed() >= LINGER {
                let ms = w.columns.newest_ms;
                w.columns.cut(symbol, self.schema_id, ms, &mut self.out);
                Self::send(&self.producer, &self.topic, symbol, &self.out);
            }
        }
        self.producer.poll(Duration::ZERO);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &args[1])
        .set("linger.ms", "2")
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "200000")
        .create()
        .unwrap();
    let mut sink =
        Sink { producer, topic: args[2].clone(), schema_id: args[4].parse().unwrap(), waiting: HashMap::new(), out: Vec::new() };
    let (mut socket, _) = tungstenite::connect(&args[3]).unwrap();
    if let tungstenite::stream::MaybeTlsStream::Plain(s) = socket.get_mut() {
        s.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    }
    let mut last = Instant::now();
    loop {
        match socket.read() {
            Ok(message) if message.is_text() => sink.take(&message.into_data()),
            Ok(_) => {}
            Err(tungstenite::Error::Io(e)) if matches!(e.kind(), WouldBlock | TimedOut) => {}
            Err(error) => panic!("{error}"),
        }
        if last.elapsed() >= Duration::from_millis(10) {
            sink.tick();
            last = Instant::now();
        }
    }
}
