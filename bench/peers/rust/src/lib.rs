//! Trades to candles, the same job as every peer: exact integers, 1e-8 units, quote sums in 1e-16.
//! Also the product's trade block, read and written without its code.
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt::Write;

pub const MINUTE: i64 = 60_000;
pub const QUARTER: i64 = 900_000;

/// One aggTrade frame, borrowed from the message.
#[derive(Deserialize)]
pub struct Frame<'a> {
    #[serde(borrow)]
    pub s: &'a str,
    pub a: i64,
    #[serde(borrow)]
    pub p: &'a str,
    #[serde(borrow)]
    pub q: &'a str,
    pub f: i64,
    pub l: i64,
    #[serde(rename = "T")]
    pub t: i64,
    pub m: bool,
}

/// A decimal string in 1e-8; more digits than eight are cut (the exchange sends eight).
pub fn e8(text: &str) -> i64 {
    let (mut value, mut decimals, mut point) = (0i64, 0u32, false);
    for b in text.bytes() {
        if b == b'.' {
            point = true;
        } else if decimals < 8 {
            value = value * 10 + i64::from(b - b'0');
            decimals += u32::from(point);
        }
    }
    value * 10i64.pow(8 - decimals)
}

#[derive(Clone, Copy)]
pub struct Candle {
    pub t: i64,
    pub o: i64,
    pub h: i64,
    pub l: i64,
    pub c: i64,
    pub v: i128,
    pub qv: i128,
    pub n: i64,
    pub tb: i128,
    pub tq: i128,
}

impl Candle {
    fn merge(&mut self, m: &Candle) {
        self.h = self.h.max(m.h);
        self.l = self.l.min(m.l);
        self.c = m.c;
        self.v += m.v;
        self.qv += m.qv;
        self.n += m.n;
        self.tb += m.tb;
        self.tq += m.tq;
    }

    pub fn json(&self, symbol: &str, interval: &str, out: &mut String) {
        out.clear();
        write!(
            out,
            "{{\"s\":\"{symbol}\",\"i\":\"{interval}\",\"t\":{},\"o\":{},\"h\":{},\"l\":{},\"c\":{},\"v\":{},\"qv\":{},\"n\":{},\"tb\":{},\"tq\":{}}}",
            self.t, self.o, self.h, self.l, self.c, self.v, self.qv, self.n, self.tb, self.tq
        )
        .unwrap();
    }
}

/// One symbol: the open minute, and the open quarter without that minute.
#[derive(Default)]
pub struct State {
    pub next_id: i64,
    minute: Option<Candle>,
    quarter: Option<Candle>,
    pub late: u64,
}

impl State {
    #[inline]
    pub fn add(&mut self, t: i64, p: i64, q: i64, n: i64, sold: bool, mut emit: impl FnMut(&'static str, &Candle)) {
        let start = t - t % MINUTE;
        let quote = i128::from(p) * i128::from(q);
        let (tb, tq) = if sold { (0, 0) } else { (i128::from(q), quote) };
        if let Some(m) = &mut self.minute {
            if m.t == start {
                m.h = m.h.max(p);
                m.l = m.l.min(p);
                m.c = p;
                m.v += i128::from(q);
                m.qv += quote;
                m.n += n;
                m.tb += tb;
                m.tq += tq;
                return;
            }
            if start < m.t {
                self.late += 1;
                return;
            }
            emit("1m", m);
            let w = m.t - m.t % QUARTER;
            match &mut self.quarter {
                Some(k) => k.merge(m),
                None => self.quarter = Some(Candle { t: w, ..*m }),
            }
            if start >= w + QUARTER {
                emit("15m", &self.quarter.take().unwrap());
            }
        }
        self.minute = Some(Candle { t: start, o: p, h: p, l: p, c: p, v: i128::from(q), qv: quote, n, tb, tq });
    }
}

pub type States = HashMap<String, State>;

pub fn state_of<'a>(states: &'a mut States, symbol: &str) -> &'a mut State {
    if !states.contains_key(symbol) {
        states.insert(symbol.to_owned(), State::default());
    }
    states.get_mut(symbol).unwrap()
}

/// The project's trade block: Confluent framing, then Avro.
pub struct Block<'a> {
    pub symbol: &'a str,
    pub first_agg_id: i64,
    pub event_ms: &'a [u8],
    pub price: &'a [u8],
    pub quantity: &'a [u8],
    pub fills: &'a [u8],
    pub sold: &'a [u8],
}

fn long(b: &mut &[u8]) -> i64 {
    let (mut n, mut shift) = (0u64, 0);
    loop {
        let x = b[0];
        *b = &b[1..];
        n |= u64::from(x & 0x7f) << shift;
        if x < 0x80 {
            return (n >> 1) as i64 ^ -((n & 1) as i64);
        }
        shift += 7;
    }
}

fn bytes<'a>(b: &mut &'a [u8]) -> &'a [u8] {
    let n = long(b) as usize;
    let (head, tail) = b.split_at(n);
    *b = tail;
    head
}

impl<'a> Block<'a> {
    pub fn read(raw: &'a [u8]) -> Self {
        let mut b = &raw[5..];
        let symbol = std::str::from_utf8(bytes(&mut b)).unwrap();
        let first_agg_id = long(&mut b);
        for _ in 0..3 {
            long(&mut b);
        }
        Block { symbol, first_agg_id, event_ms: bytes(&mut b), price: bytes(&mut b), quantity: bytes(&mut b), fills: bytes(&mut b), sold: bytes(&mut b) }
    }

    pub fn len(&self) -> usize {
        self.sold.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sold.is_empty()
    }

    /// Every trade from row `from` on: event time, price, quantity, fills, sold.
    pub fn trades(&self, from: usize) -> impl Iterator<Item = (i64, i64, i64, i64, bool)> + '_ {
        let long = |b: &[u8], i: usize| i64::from_le_bytes(b[8 * i..8 * i + 8].try_into().unwrap());
        (from..self.len()).map(move |i| {
            let n = i32::from_le_bytes(self.fills[4 * i..4 * i + 4].try_into().unwrap());
            (long(self.event_ms, i), long(self.price, i), long(self.quantity, i), i64::from(n), self.sold[i] != 0)
        })
    }
}

fn put_long(out: &mut Vec<u8>, n: i64) {
    let mut z = ((n << 1) ^ (n >> 63)) as u64;
    while z >= 0x80 {
        out.push(z as u8 | 0x80);
        z >>= 7;
    }
    out.push(z as u8);
}

/// Columns of one symbol that wait for their block.
#[derive(Default)]
pub struct Builder {
    pub first_agg_id: i64,
    pub first_trade_id: i64,
    pub newest_ms: i64,
    pub event_ms: Vec<u8>,
    pub price: Vec<u8>,
    pub quantity: Vec<u8>,
    pub fills: Vec<u8>,
    pub sold: Vec<u8>,
}

impl Builder {
    pub fn push(&mut self, f: &Frame) {
        if self.sold.is_empty() {
            self.first_agg_id = f.a;
            self.first_trade_id = f.f;
        }
        self.newest_ms = f.t;
        self.event_ms.extend_from_slice(&f.t.to_le_bytes());
        self.price.extend_from_slice(&e8(f.p).to_le_bytes());
        self.quantity.extend_from_slice(&e8(f.q).to_le_bytes());
        self.fills.extend_from_slice(&((f.l - f.f + 1) as i32).to_le_bytes());
        self.sold.push(u8::from(f.m));
    }

    pub fn len(&self) -> usize {
        self.sold.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sold.is_empty()
    }

    /// The message of the block; the builder is empty then.
    pub fn cut(&mut self, symbol: &str, schema_id: u32, received_ms: i64, out: &mut Vec<u8>) {
        out.clear();
        out.push(0);
        out.extend_from_slice(&schema_id.to_be_bytes());
        put_long(out, symbol.len() as i64);
        out.extend_from_slice(symbol.as_bytes());
        for n in [self.first_agg_id, self.first_trade_id, received_ms, self.newest_ms] {
            put_long(out, n);
        }
        for column in [&mut self.event_ms, &mut self.price, &mut self.quantity, &mut self.fills, &mut self.sold] {
            put_long(out, column.len() as i64);
            out.extend_from_slice(column);
            column.clear();
        }
    }
}

pub fn wall_ms() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64
}
