//! exchange SYMBOLS : a websocket server of made-up trades of SIM1USDT, SIM2USDT, … on the combined streams that its
//! clients ask for, as the exchange sends them: each trade at its time, each candle every two seconds while it is traded
//! and once at its end. What a client does not read waits here. Says where it listens and since when; then a
//! line on standard input sets the trades a second, and `ids` asks for the next id of every symbol. Twice a second
//! it says how many trades there have been and how many bytes wait.
use candle_peers::wall_ms;
use std::collections::HashMap;
use std::io::{BufRead, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tungstenite::WebSocket;
use tungstenite::handshake::server::{Request, Response};

const MINUTE: i64 = 60_000;
const INTERVALS: [(&str, i64); 2] = [("1m", MINUTE), ("15m", 15 * MINUTE)];
const SLOT_MS: i64 = 100;
const SLOTS: i64 = 20; // a candle is told every two seconds

/// A candle under construction; prices and sums in 1e-8, `n` 0 while nothing is traded.
#[derive(Clone, Copy, Default)]
struct Kline {
    open_ms: i64,
    first: i64,
    last: i64,
    o: i64,
    h: i64,
    l: i64,
    c: i64,
    v: i64,
    q: i64,
    bought: i64,
    bought_q: i64,
    n: i64,
}

impl Kline {
    fn begin(&mut self, open_ms: i64, price: i64) {
        *self = Kline { open_ms, first: -1, last: -1, o: price, h: price, l: price, c: price, ..Kline::default() };
    }

    fn add(&mut self, p: i64, q: i64, first: i64, fills: i64, sold: bool) {
        if self.n == 0 {
            (self.o, self.h, self.l, self.first) = (p, p, p, first);
        }
        self.h = self.h.max(p);
        self.l = self.l.min(p);
        self.c = p;
        self.last = first + fills - 1;
        self.n += fills;
        let quote = (p / 10_000) * (q / 10_000); // both have four decimals at most
        self.v += q;
        self.q += quote;
        if !sold {
            self.bought += q;
            self.bought_q += quote;
        }
    }
}

struct Symbol {
    name: String,
    stream: String,
    next_id: i64,
    next_fill: i64,
    price: i64,
    klines: [Kline; 2],
    is_changed: bool,
    readers: Vec<usize>,
}

struct Client {
    socket: WebSocket<TcpStream>,
    out: Vec<u8>,
    sent: usize,
    is_open: bool,
}

/// A decimal number of eight digits after the point.
struct E8(i64);

impl std::fmt::Display for E8 {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}.{:08}", self.0 / 100_000_000, self.0 % 100_000_000)
    }
}

struct Exchange {
    symbols: Vec<Symbol>,
    shares: Vec<f64>,
    clients: Vec<Client>,
    by_name: HashMap<String, usize>,
    text: Vec<u8>,
    random: u64,
}

impl Exchange {
    fn new(count: usize, born_ms: i64) -> Self {
        let total: f64 = (1..=count).map(|i| 1.0 / i as f64).sum();
        let mut sum = 0.0;
        let shares = (1..=count).map(|i| {
            sum += 1.0 / i as f64 / total;
            sum
        });
        let symbols = (1..=count).map(|i| {
            let mut klines = [Kline::default(); 2];
            let price = 100_000_000; // that of the one trade of the past, which REST tells of
            for (kline, (_, ms)) in klines.iter_mut().zip(INTERVALS) {
                kline.begin(born_ms - born_ms % ms, price);
            }
            let name = format!("SIM{i}USDT");
            Symbol { stream: name.to_lowercase(), name, next_id: 1, next_fill: 1, price, klines, is_changed: false, readers: vec![] }
        });
        let symbols: Vec<Symbol> = symbols.collect();
        let by_name = symbols.iter().enumerate().map(|(i, s)| (s.stream.clone(), i)).collect();
        Exchange { symbols, shares: shares.collect(), clients: vec![], by_name, text: vec![], random: 0x9e37_79b9_7f4a_7c15 }
    }

    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn welcome(&mut self, socket: WebSocket<TcpStream>, path: &str) {
        socket.get_ref().set_nonblocking(true).unwrap();
        let streams = path.split_once("streams=").map_or("", |x| x.1);
        for name in streams.split('/').filter_map(|stream| stream.strip_suffix("@aggTrade")) {
            self.symbols[self.by_name[name]].readers.push(self.clients.len());
        }
        self.clients.push(Client { socket, out: vec![], sent: 0, is_open: true });
    }

    /// Give the frame in `text` to everybody who reads the symbol.
    fn send(&mut self, symbol: usize) {
        let n = self.text.len();
        for &reader in &self.symbols[symbol].readers {
            let client = &mut self.clients[reader];
            if client.is_open {
                client.out.extend_from_slice(&[0x81, 126, (n >> 8) as u8, n as u8]);
                client.out.extend_from_slice(&self.text);
            }
        }
    }

    fn trade(&mut self, now_ms: i64) {
        let at = (self.next_random() >> 11) as f64 / (1u64 << 53) as f64;
        let index = self.shares.partition_point(|&x| x < at).min(self.symbols.len() - 1);
        let r = self.next_random();
        let s = &mut self.symbols[index];
        s.price = (s.price + ((r % 11) as i64 - 5) * 1_000_000).max(1_000_000);
        let quantity = (1 + (r >> 8) as i64 % 100_000) * 10_000;
        let (fills, sold) = (1 + i64::from((r >> 32) % 8 == 0), (r >> 40) & 1 == 1);
        for kline in &mut s.klines {
            kline.add(s.price, quantity, s.next_fill, fills, sold);
        }
        self.text.clear();
        write!(
            self.text,
            "{{\"stream\":\"{}@aggTrade\",\"data\":{{\"e\":\"aggTrade\",\"E\":{now_ms},\"s\":\"{}\",\"a\":{},\"p\":\"{}\",\"q\":\"{}\",\
             \"f\":{},\"l\":{},\"T\":{now_ms},\"m\":{sold},\"M\":true}}}}",
            s.stream, s.name, s.next_id, E8(s.price), E8(quantity), s.next_fill, s.next_fill + fills - 1
        )
        .unwrap();
        s.next_id += 1;
        s.next_fill += fills;
        s.is_changed = true;
        self.send(index);
    }

    fn tell(&mut self, index: usize, interval: usize, now_ms: i64, is_closed: bool) {
        let (s, (name, ms)) = (&self.symbols[index], INTERVALS[interval]);
        let k = &s.klines[interval];
        self.text.clear();
        write!(
            self.text,
            "{{\"stream\":\"{}@kline_{name}\",\"data\":{{\"e\":\"kline\",\"E\":{now_ms},\"s\":\"{}\",\"k\":{{\"t\":{},\"T\":{},\
             \"s\":\"{}\",\"i\":\"{name}\",\"f\":{},\"L\":{},\"o\":\"{}\",\"c\":\"{}\",\"h\":\"{}\",\"l\":\"{}\",\"v\":\"{}\",\"n\":{},\
             \"x\":{is_closed},\"q\":\"{}\",\"V\":\"{}\",\"Q\":\"{}\",\"B\":\"0\"}}}}}}",
            s.stream, s.name, k.open_ms, k.open_ms + ms - 1, s.name, k.first, k.last, E8(k.o), E8(k.c), E8(k.h), E8(k.l), E8(k.v), k.n,
            E8(k.q), E8(k.bought), E8(k.bought_q)
        )
        .unwrap();
        self.send(index);
    }

    /// Tell of the candles that change, and of those that have ended since `before_ms`.
    fn tell_klines(&mut self, before_ms: i64, now_ms: i64) {
        for (interval, (_, ms)) in INTERVALS.iter().enumerate() {
            if before_ms / ms == now_ms / ms {
                continue;
            }
            for index in 0..self.symbols.len() {
                self.tell(index, interval, now_ms, true);
                let price = self.symbols[index].price;
                self.symbols[index].klines[interval].begin(now_ms - now_ms % ms, price);
            }
        }
        for slot in before_ms / SLOT_MS + 1..=now_ms / SLOT_MS {
            for index in ((slot % SLOTS) as usize..self.symbols.len()).step_by(SLOTS as usize) {
                if std::mem::take(&mut self.symbols[index].is_changed) {
                    self.tell(index, 0, now_ms, false);
                    self.tell(index, 1, now_ms, false);
                }
            }
        }
    }

    /// Write what the clients take; what they say is a goodbye or an answer to a ping.
    fn flush(&mut self, is_ping_due: bool) -> usize {
        let mut waiting = 0;
        for client in self.clients.iter_mut().filter(|client| client.is_open) {
            if is_ping_due {
                client.out.extend_from_slice(&[0x89, 0]);
            }
            let stream = client.socket.get_mut();
            let mut heard = [0u8; 256];
            client.is_open = match stream.read(&mut heard) {
                Ok(n) => n > 0 && heard[0] & 15 != 8,
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            };
            while client.is_open && client.sent < client.out.len() {
                match stream.write(&client.out[client.sent..]) {
                    Ok(n) => client.sent += n,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => client.is_open = false,
                }
            }
            if client.sent == client.out.len() || client.sent > 1 << 20 {
                client.out.drain(..client.sent);
                client.sent = 0;
            }
            waiting += client.out.len() - client.sent;
        }
        waiting
    }
}

fn accept(listener: TcpListener, arrived: mpsc::Sender<(WebSocket<TcpStream>, String)>) {
    for stream in listener.incoming().flatten() {
        stream.set_nodelay(true).unwrap();
        let mut path = String::new();
        let note = |request: &Request, response: Response| {
            path = request.uri().to_string();
            Ok(response)
        };
        if let Ok(socket) = tungstenite::accept_hdr(stream, note) {
            arrived.send((socket, path)).unwrap();
        }
    }
}

fn main() {
    let count: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let born_ms = wall_ms();
    println!("LISTENING {} {born_ms}", listener.local_addr().unwrap().port());
    let (arrived, arriving) = mpsc::channel();
    std::thread::spawn(move || accept(listener, arrived));
    let (told, telling) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            told.send(line).unwrap();
        }
        std::process::exit(0);
    });
    let mut exchange = Exchange::new(count, born_ms);
    let (mut rate, mut owed, mut trades) = (0.0, 0.0, 0u64);
    let (mut before, mut before_ms, mut said, mut pinged) = (Instant::now(), born_ms, Instant::now(), Instant::now());
    loop {
        for (socket, path) in arriving.try_iter() {
            exchange.welcome(socket, &path);
        }
        for line in telling.try_iter() {
            if line == "ids" {
                let ids: Vec<String> = exchange.symbols.iter().map(|s| s.next_id.to_string()).collect();
                println!("IDS {}", ids.join(" "));
            } else {
                (rate, owed) = (line.trim().parse().unwrap(), 0.0);
            }
        }
        let (now, now_ms) = (Instant::now(), wall_ms().max(before_ms));
        exchange.tell_klines(before_ms, now_ms);
        owed += rate * (now - before).as_secs_f64();
        (before, before_ms) = (now, now_ms);
        while owed >= 1.0 {
            exchange.trade(now_ms);
            owed -= 1.0;
            trades += 1;
        }
        let is_ping_due = pinged.elapsed() >= Duration::from_secs(20);
        if is_ping_due {
            pinged = now;
        }
        let waiting = exchange.flush(is_ping_due);
        if said.elapsed() >= Duration::from_millis(500) {
            println!("TRADES {trades} {waiting}");
            said = now;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}
