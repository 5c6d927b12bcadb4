//! Compares the declarations with the header, through the C compiler that the build needs anyway.

use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use super::*;

macro_rules! structs {
    ($out:ident, $($name:ident { $($field:ident),* })*) => {{
        $(
            let _ = writeln!($out.0, "P(sizeof(struct {}));", stringify!($name));
            $out.1.push((concat!("size of ", stringify!($name)), size_of::<$name>() as i64));
            $(
                let _ = writeln!($out.0, "P(offsetof(struct {}, {}));", stringify!($name), stringify!($field));
                $out.1.push((concat!(stringify!($name), ".", stringify!($field)), offset_of!($name, $field) as i64));
                let _ = writeln!($out.0, "P(sizeof(((struct {} *)0)->{}));", stringify!($name), stringify!($field));
                $out.1.push((concat!("size of ", stringify!($name), ".", stringify!($field)), size_of_field(|s: &$name| &s.$field) as i64));
            )*
        )*
    }};
}

macro_rules! constants {
    ($out:ident, $($name:ident)*) => {{
        $(
            let _ = writeln!($out.0, "P({});", stringify!($name));
            $out.1.push((stringify!($name), $name as i64));
        )*
    }};
}

fn size_of_field<S, F>(_: impl Fn(&S) -> &F) -> usize {
    size_of::<F>()
}

#[test]
fn declarations_are_those_of_the_header() {
    let mut out: (String, Vec<(&str, i64)>) = Default::default();
    structs!(out,
        shmq_error { code, os, text }
        shmq_shape { slots, slot_size, seats, mode, producers, consumers, flags, reserved, subscriptions, reserved2, keep, reserved3 }
        shmq_options { size, flags, create, wait, reserved, cancel, command, subscription }
        shmq_counters { records, bytes, waits, wakes, redelivered }
        shmq_bytes { data, size }
        shmq_buffer { data, cap, size, redelivered, reserved }
        shmq_lease { data, size, sent_at, position, redelivered, slots, number }
        shmq_id { creation, incarnation, position }
        shmq_member { q, size }
        shmq_word { address, value, reserved }
        shmq_info { shape, size, created, creation, head, tail, depth, epoch, left, ends, finished, skipped, torn, sent,
            sent_bytes, received, received_bytes, redelivered, producers, consumers, dead, reserved }
        shmq_participant { seat, role, pid, uid, start_time, attached, counters, alive, command }
    );
    constants!(out,
        SHMQ_ANY SHMQ_MANY SHMQ_ONE SHMQ_EACH SHMQ_CHECKSUM SHMQ_TIMESTAMPS SHMQ_PRODUCER SHMQ_CONSUMER
        SHMQ_NO_CREATE SHMQ_ANY_SHAPE SHMQ_UNTIL_END SHMQ_STRICT SHMQ_GUARD SHMQ_PREFAULT SHMQ_LOCK_MEMORY SHMQ_INTERRUPTIBLE
        SHMQ_SPIN_THEN_PARK SHMQ_SPIN SHMQ_PARK SHMQ_FOREVER SHMQ_MOST_MEMBERS
    );
    let codes = crate::error::CODES;
    for (name, code) in codes {
        let _ = writeln!(out.0, "P(SHMQ_E_{name});");
        out.1.push((name, i64::from(*code)));
    }
    let (body, want) = out;

    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = std::env::temp_dir().join(format!("shmq-rust-header-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let source = format!(
        "#include <stddef.h>\n#include <stdio.h>\n#include \"shmq.h\"\n#define P(x) printf(\"%lld\\n\", (long long)(x))\nint main(void) {{\n{body}return 0;\n}}\n"
    );
    std::fs::write(dir.join("header.c"), source).unwrap();
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let built = Command::new(&cc)
        .arg("-I")
        .arg(here.join("libshmq/include"))
        .arg("-o")
        .arg(dir.join("header"))
        .arg(dir.join("header.c"))
        .status();
    let printed = Command::new(dir.join("header")).output();
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(built.unwrap().success(), "the header and the names here differ");

    let printed = String::from_utf8(printed.unwrap().stdout).unwrap();
    let got: Vec<i64> = printed.lines().map(|l| l.parse().unwrap()).collect();
    assert_eq!(got.len(), want.len());
    for ((what, want), got) in want.iter().zip(got) {
        assert_eq!(*want, got, "{what}: here {want}, in the header {got}");
    }
}
