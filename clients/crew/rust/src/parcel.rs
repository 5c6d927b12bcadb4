//! A parcel goes round the ring: see parcel_test.go for its fields and its sum.

use std::collections::BTreeMap;

use rmpv::Value;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    pub number: u64,
    pub copy: u64,
    pub big: u64,
    pub small: i64,
    pub ratio: f64,
    pub nothing: (),
    pub maybe: Option<String>,
    pub name: String,
    #[serde(with = "serde_bytes")]
    pub blob: Vec<u8>,
    pub yes: bool,
    pub tree: BTreeMap<String, Value>,
    pub list: Vec<Value>,
    pub trail: Vec<(String, u64)>,
    pub sum: u64,
}

impl Parcel {
    /// The sum that its other fields have.
    pub fn right_sum(&self) -> u64 {
        let mut out = Vec::with_capacity(1024);
        uint(&mut out, self.number);
        uint(&mut out, self.big);
        int(&mut out, self.small);
        tagged(&mut out, b'd', &self.ratio.to_bits().to_le_bytes());
        out.push(b'n'); // nothing
        match &self.maybe {
            None => out.push(b'n'),
            Some(s) => text(&mut out, s),
        }
        text(&mut out, &self.name);
        bytes(&mut out, b'b', &self.blob);
        out.push(if self.yes { b't' } else { b'f' });
        count(&mut out, b'm', self.tree.len());
        for (key, value) in &self.tree {
            text(&mut out, key); // in order: the map sorts
            canonical(&mut out, value);
        }
        count(&mut out, b'a', self.list.len());
        for value in &self.list {
            canonical(&mut out, value);
        }
        let mut sum = mix(0, &out);
        for (hop, life) in &self.trail {
            out.clear();
            text(&mut out, hop);
            uint(&mut out, *life);
            sum = mix(sum, &out);
        }
        out.clear();
        uint(&mut out, self.copy);
        mix(sum, &out)
    }

    /// Adds a stop, and sums up again.
    pub fn extend(&mut self, hop: &str, life: u64, copy: u64) {
        self.trail.push((hop.to_owned(), life));
        self.copy = copy;
        self.sum = self.right_sum();
    }
}

fn canonical(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Nil => out.push(b'n'),
        Value::Boolean(yes) => out.push(if *yes { b't' } else { b'f' }),
        Value::Integer(n) => match n.as_u64() {
            Some(u) => uint(out, u),
            None => int(out, n.as_i64().unwrap_or_default()),
        },
        Value::F32(f) => tagged(out, b'd', &f64::from(*f).to_bits().to_le_bytes()),
        Value::F64(f) => tagged(out, b'd', &f.to_bits().to_le_bytes()),
        Value::String(s) => bytes(out, b's', s.as_bytes()),
        Value::Binary(b) => bytes(out, b'b', b),
        Value::Array(items) => {
            count(out, b'a', items.len());
            items.iter().for_each(|v| canonical(out, v));
        }
        Value::Map(pairs) => {
            let key = |v: &Value| v.as_slice().map(<[u8]>::to_vec);
            let mut sorted: Vec<_> = pairs.iter().collect();
            sorted.sort_by_key(|(k, _)| key(k));
            count(out, b'm', pairs.len());
            for (k, v) in sorted {
                canonical(out, k);
                canonical(out, v);
            }
        }
        Value::Ext(..) => out.push(b'x'),
    }
}

fn tagged(out: &mut Vec<u8>, tag: u8, data: &[u8]) {
    out.push(tag);
    out.extend_from_slice(data);
}

fn uint(out: &mut Vec<u8>, u: u64) {
    tagged(out, b'u', &u.to_le_bytes());
}

fn int(out: &mut Vec<u8>, i: i64) {
    tagged(out, if i < 0 { b'i' } else { b'u' }, &i.to_le_bytes());
}

fn count(out: &mut Vec<u8>, tag: u8, n: usize) {
    tagged(out, tag, &(n as u32).to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, tag: u8, b: &[u8]) {
    count(out, tag, b.len());
    out.extend_from_slice(b);
}

fn text(out: &mut Vec<u8>, s: &str) {
    bytes(out, b's', s.as_bytes());
}

fn mix(h: u64, data: &[u8]) -> u64 {
    let h = (h ^ u64::from(crc32(data))).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h ^ h >> 32
}

fn crc32(data: &[u8]) -> u32 {
    static TABLE: [u32; 256] = table();
    !data.iter().fold(u32::MAX, |crc, b| {
        crc >> 8 ^ TABLE[((crc ^ u32::from(*b)) & 255) as usize]
    })
}

const fn table() -> [u32; 256] {
    let mut t = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut c = i as u32;
        let mut k = 0;
        while k < 8 {
            c = if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 };
            k += 1;
        }
        t[i] = c;
        i += 1;
    }
    t
}
