package peers;

import java.io.File;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * StreamsPeer BOOTSTRAP TOPIC OUT FOLDER : Kafka Streams, one thread, a Processor with one state record a symbol in a
 * cached store with a changelog; a candle closes by the symbol's own next trade.
 */
public final class StreamsPeer {
    static final long MINUTE = 60_000, QUARTER = 900_000;

    public static void main(String[] a) {
        String servers = a[0], topic = a[1], out = a[2];
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "streams-" + out);
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        p.put(StreamsConfig.STATE_DIR_CONFIG, new File(a[3], "streams").getPath());
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, "1");
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "1000");
        p.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        p.put(StreamsConfig.consumerPrefix("max.poll.records"), "5000");
        p.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        p.put(StreamsConfig.producerPrefix("linger.ms"), "5");
        p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, "10000");
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        KafkaStreams streams = new KafkaStreams(topology(topic, out), p);
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                System.out.println("READY");
            }
        });
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(5))));
        streams.start();
    }

    static Topology topology(String topic, String out) {
        Topology t = new Topology();
        t.addSource("in", Serdes.String().deserializer(), Serdes.ByteArray().deserializer(), topic);
        t.addProcessor("fold", Fold::new, "in");
        Serializer<State> writer = (x, s) -> s == null ? null : s.bytes();
        Deserializer<State> reader = (x, raw) -> raw == null ? null : State.of(raw);
        t.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("state"), Serdes.String(),
                Serdes.serdeFrom(writer, reader)).withCachingEnabled(), "fold");
        t.addSink("out", out, Serdes.String().serializer(), Serdes.ByteArray().serializer(), "fold");
        return t;
    }

    /** One symbol: the open minute, and the open quarter without it. */
    static final class State {
        long nextId, late;
        Candle minute, quarter;

        byte[] bytes() {
            ByteBuffer b = ByteBuffer.allocate(17 + 2 * Candle.BYTES);
            b.putLong(nextId).putLong(late).put((byte) ((minute == null ? 0 : 1) | (quarter == null ? 0 : 2)));
            if (minute != null) {
                minute.write(b);
            }
            if (quarter != null) {
                quarter.write(b);
            }
            return b.array();
        }

        static State of(byte[] raw) {
            ByteBuffer b = ByteBuffer.wrap(raw);
            State s = new State();
            s.nextId = b.getLong();
            s.late = b.getLong();
            byte has = b.get();
            s.minute = (has & 1) == 0 ? null : Candle.read(b);
            s.quarter = (has & 2) == 0 ? null : Candle.read(b);
            return s;
        }
    }

    static final class Fold implements Processor<String, byte[], String, byte[]> {
        private final Map<String, State> states = new HashMap<>();
        private ProcessorContext<String, byte[]> context;
        private KeyValueStore<String, State> store;

        @Override
        public void init(ProcessorContext<String, byte[]> c) {
            context = c;
            store = c.getStateStore("state");
        }

        @Override
        public void process(Record<String, byte[]> r) {
            State s = states.computeIfAbsent(r.key(), k -> {
                State known = store.get(k);
                return known == null ? new State() : known;
            });
            Trade x = Json.trade(r.value());
            if (x.id >= s.nextId) {
                add(r, s, x);
                s.nextId = x.id + 1;
            }
            store.put(r.key(), s);
        }

        private void add(Record<String, byte[]> r, State s, Trade x) {
            long start = x.time - x.time % MINUTE;
            Candle m = s.minute;
            if (m == null || m.t != start) {
                if (m != null) {
                    if (start < m.t) {
                        s.late++;
                        return;
                    }
                    context.forward(new Record<>(r.key(), m.json(r.key(), "1m", m.t), r.timestamp()));
                    long w = m.t - m.t % QUARTER;
                    if (s.quarter == null) {
                        s.quarter = new Candle();
                        s.quarter.t = w;
                    }
                    s.quarter.merge(m);
                    if (start >= w + QUARTER) {
                        context.forward(new Record<>(r.key(), s.quarter.json(r.key(), "15m", w), r.timestamp()));
                        s.quarter = null;
                    }
                }
                s.minute = m = new Candle();
                m.t = start;
            }
            m.add(x);
        }
    }
}
