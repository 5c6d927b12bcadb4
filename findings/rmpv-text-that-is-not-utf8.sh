#!/usr/bin/env bash
# rmpv 1.3.1 (Rust) reads text that is no UTF-8 as a String, and writes that String as bin; with
# rmp-serde 1.3.1 the same bytes are a Binary from the start.
# One would have guessed that a String is written as str, with the bytes that it was read from.
source "$(dirname "$0")/common"
need cargo

mkdir src
cat >Cargo.toml <<'T'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
rmpv = { version = "=1.3.1", features = ["with-serde"] }
rmp-serde = "=1.3.1"
T
cat >src/main.rs <<'R'
fn main() {
    let bytes = [0xa1u8, 0xff];
    for (how, v) in [
        ("rmpv", rmpv::decode::read_value(&mut &bytes[..]).unwrap()),
        ("rmp-serde", rmp_serde::from_slice(&bytes).unwrap()),
    ] {
        let kind = match v {
            rmpv::Value::String(_) => "String",
            rmpv::Value::Binary(_) => "Binary",
            _ => "other",
        };
        let mut again = Vec::new();
        rmpv::encode::write_value(&mut again, &v).unwrap();
        println!("{how}: {kind} {again:02x?}");
    }
}
R
cargo run --quiet | seen 'rmpv: String [c4, 01, ff]
rmp-serde: Binary [c4, 01, ff]'
