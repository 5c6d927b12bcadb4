//! The Rust peer: rmp-serde reads into rmpv::Value and writes that; what it writes of its own are
//! Rust values, the struct both ways that rmp-serde knows.
use rmpv::Value;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::{Duration, UNIX_EPOCH};

fn text(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => {
                    out.push('\\');
                    out.push(c);
                }
                '\0'..='\x1f' | '\x7f' => out.push_str(&format!("\\u{:04x}", c as u32)),
                _ => out.push(c),
            }
        }
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02x}"));
        }
    }
    out.push('"');
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn show(v: &Value) -> String {
    match v {
        Value::Nil => "nil".into(),
        Value::Boolean(b) => b.to_string(),
        Value::Integer(n) => n.to_string(),
        Value::F32(f) => format!("f({f})", f = *f as f64),
        Value::F64(f) => format!("f({f})"),
        Value::String(s) => text(s.as_bytes()),
        Value::Binary(b) => format!("h'{}'", hex(b)),
        Value::Array(a) => format!("[{}]", a.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Map(m) => {
            let mut e: Vec<_> = m.iter().map(|(k, v)| format!("{}: {}", show(k), show(v))).collect();
            e.sort();
            format!("{{{}}}", e.join(", "))
        }
        Value::Ext(t, b) => format!("ext({t},h'{}')", hex(b)),
    }
}

fn message(e: impl std::fmt::Display) -> String {
    format!("!{}", e.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}

fn unhex(s: &str) -> Vec<u8> {
    (0..s.len() / 2).map(|i| u8::from_str_radix(&s[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn write<T: Serialize>(name: &str, v: T) {
    println!("{name}\t{}", rmp_serde::to_vec(&v).map_or_else(message, |b| hex(&b)));
}

#[derive(Serialize)]
#[allow(non_snake_case)]
struct Record {
    Name: &'static str,
    Grade: f64,
    Tags: Option<Vec<String>>,
}

#[derive(Serialize)]
enum Colour {
    Red,
    Grey(u8),
}

/// version is that of rmp-serde in the lock file that cargo built with.
fn version() -> &'static str {
    let lock = include_str!("../Cargo.lock");
    lock.split("name = \"rmp-serde\"\nversion = \"").nth(1).and_then(|s| s.split('"').next()).unwrap_or("unknown")
}

fn main() {
    println!("{}", version());
    for line in std::io::stdin().lock().lines() {
        match rmp_serde::from_slice::<Value>(&unhex(line.unwrap().trim())) {
            Err(e) => println!("{}", message(e)),
            Ok(v) => println!("{}\t{}", show(&v), rmp_serde::to_vec(&v).map_or_else(message, |b| hex(&b))),
        }
    }
    println!("written");
    for n in [
        0, 127, 128, 255, 256, 65535, 65536, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, i64::MAX,
        -1, -32, -33, -128, -129, -32768, -32769, -(1 << 31), -(1 << 31) - 1, i64::MIN,
    ] {
        write(&format!("int {n}"), n);
    }
    write("int 9223372036854775808", 1u64 << 63);
    write("int 18446744073709551615", u64::MAX);
    write("int 1180591620717411303424", 1u128 << 70);
    write("milliseconds", 1_700_000_000_000u64);
    write("float 5", 5.0);
    write("float -0", -0.0);
    write("float 0.1", 0.1);
    write("float 1e+300", 1e300);
    write("float 1e+16", 1e16);
    write("float inf", f64::INFINITY);
    write("float nan", f64::NAN);
    write("price", 5.0);
    write("small float", 0.1f32);
    write("nil", None::<i64>);
    write("nil, a unit", ());
    write("true", true);
    write("text", "hé");
    write("empty text", "");
    write("text of 300", "t".repeat(300));
    write("bin", vec![0u8, 255]);
    write("bin by serde_bytes", serde_bytes::Bytes::new(&[0, 255]));
    write("list", vec![1, 2]);
    write("empty list", Vec::<i64>::new());
    write("map", BTreeMap::from([("k", 7)]));
    write("empty map", BTreeMap::<String, i64>::new());
    write("int keys", BTreeMap::from([(1, "x")]));
    write("int to int", BTreeMap::from([(1, 2)]));
    write("time", UNIX_EPOCH + Duration::from_millis(1_577_836_800_500));
    let record = || Record { Name: "Ada", Grade: 1.0, Tags: None };
    write("record", record());
    println!("record by to_vec_named\t{}", hex(&rmp_serde::to_vec_named(&record()).unwrap()));
    write("enum", Colour::Red);
    write("enum with a value", Colour::Grey(5));
}
