package peers;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.producer.ProducerRecord;

/** FlinkPeer BOOTSTRAP TOPIC OUT FOLDER : the DataStream API on a local MiniCluster of one slot, checkpoints every 10 s. */
public final class FlinkPeer {
    static final long MINUTE = 60_000, QUARTER = 900_000;

    public static void main(String[] a) throws Exception {
        String servers = a[0], topic = a[1], out = a[2];
        File folder = new File(a[3]);
        Configuration c = new Configuration();
        c.setString("state.backend.type", "hashmap");
        c.setString("execution.checkpointing.interval", "10 s");
        c.setString("execution.checkpointing.dir", folder.toURI() + "checkpoints");
        c.setString("pipeline.object-reuse", "true");
        c.setString("pipeline.auto-watermark-interval", "50 ms");
        c.setString("taskmanager.memory.managed.size", "32 mb");
        c.setString("taskmanager.memory.network.min", "64 mb");
        c.setString("taskmanager.memory.network.max", "64 mb");
        c.setString("rest.port", "0");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, c);
        System.out.println("READY");
        dataStream(env, servers, topic, out);
    }

    static void dataStream(StreamExecutionEnvironment env, String servers, String topic, String out) throws Exception {
        KafkaSource<Trade> source = KafkaSource.<Trade>builder()
                .setBootstrapServers(servers).setTopics(topic).setGroupId("flink-" + out)
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setProperty("max.poll.records", "5000")
                .setValueOnlyDeserializer(new Reader()).build();
        DataStream<Candle> minutes = env.fromSource(source,
                        WatermarkStrategy.<Trade>forMonotonousTimestamps().withTimestampAssigner((t, before) -> t.time)
                                .withIdleness(Duration.ofSeconds(60)), "trades")
                .keyBy(t -> t.symbol)
                .window(TumblingEventTimeWindows.of(Duration.ofMillis(MINUTE)))
                .aggregate(new Sum(), new Stamp());
        DataStream<Candle> quarters = minutes.keyBy(m -> m.symbol)
                .window(TumblingEventTimeWindows.of(Duration.ofMillis(QUARTER)))
                .aggregate(new Merge(), new Stamp());
        minutes.sinkTo(sink(servers, out, "1m"));
        quarters.sinkTo(sink(servers, out, "15m"));
        env.execute();
    }

    static KafkaSink<Candle> sink(String servers, String out, String interval) {
        Properties p = new Properties();
        p.put("compression.type", "lz4");
        p.put("linger.ms", "5");
        KafkaRecordSerializationSchema<Candle> writer = (c, context, time) -> new ProducerRecord<>(out,
                c.symbol.getBytes(StandardCharsets.UTF_8), c.json(c.symbol, interval, c.t));
        return KafkaSink.<Candle>builder().setBootstrapServers(servers).setKafkaProducerConfig(p)
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE).setRecordSerializer(writer).build();
    }

    /** Frames to trades. */
    public static class Reader extends AbstractDeserializationSchema<Trade> {
        @Override
        public Trade deserialize(byte[] raw) {
            return Json.trade(raw);
        }
    }

    /** Anything to a candle; how it is added is the only difference. */
    public abstract static class Into<T> implements AggregateFunction<T, Candle, Candle> {
        @Override
        public Candle createAccumulator() {
            return new Candle();
        }

        @Override
        public Candle getResult(Candle c) {
            return c;
        }

        @Override
        public Candle merge(Candle a, Candle b) {
            return a.merge(b);
        }
    }

    /** Trades to a candle. */
    public static class Sum extends Into<Trade> {
        @Override
        public Candle add(Trade t, Candle c) {
            return c.add(t);
        }
    }

    /** Candles to a longer one. */
    public static class Merge extends Into<Candle> {
        @Override
        public Candle add(Candle m, Candle c) {
            return c.merge(m);
        }
    }

    /** Says whose candle it is. */
    public static class Stamp extends ProcessWindowFunction<Candle, Candle, String, TimeWindow> {
        @Override
        public void process(String symbol, Context context, Iterable<Candle> one, Collector<Candle> out) {
            Candle c = one.iterator().next();
            c.symbol = symbol;
            c.t = context.window().getStart();
            out.collect(c);
        }
    }
}
