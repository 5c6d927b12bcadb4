package main

import "path/filepath"

func python(script string, args ...string) func(string) []string {
	return func(cache string) []string {
		dir := filepath.Join(cache, "python")
		return append([]string{filepath.Join(dir, "venv/bin/python"), filepath.Join(dir, script)}, args...)
	}
}

func script(interpreter, path string, args ...string) func(string) []string {
	return func(cache string) []string {
		return append([]string{interpreter, filepath.Join(cache, path)}, args...)
	}
}

func java(args ...string) func(string) []string {
	return func(cache string) []string {
		dir := filepath.Join(cache, "java")
		return append([]string{"java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", dir + "/lib/*:" + dir + "/classes", "Peer"}, args...)
	}
}

func executable(path string) func(string) []string {
	return func(cache string) []string { return []string{filepath.Join(cache, path)} }
}

// peers are in the order of the page.
var peers = []peer{
	{
		language: "Go", library: "vmihailenco/msgpack", version: "5.4.1", inGo: vmihailenco,
		setup: "`msgpack.Marshal(v)`, `msgpack.Unmarshal(b, &v)` with an `any`",
		note: "Without `UseCompactInts` integers take their type's width, which shmq reads as well. An ext has to be registered, as in this program " +
			"type 42 is.",
	},
	{
		language: "Go", library: "tinylib/msgp", version: "1.6.5", inGo: tinylib,
		setup: "`msgp.AppendIntf(nil, v)`, `msgp.ReadIntfBytes(b)`",
		note:  "Its times are an ext of its own, type 5; the generator writes timestamps with the directive `//msgp:newtime`. `ReadIntfBytes` takes no key but text or bin, and gives a short timestamp that ends the record as an ext. Generated code reads a `time.Time` in all forms.",
	},
	{
		language: "Go", library: "shamaton/msgpack", version: "3.1.0", inGo: shamatonV3,
		setup: "`msgpack.Marshal(v)`, `msgpack.Unmarshal(b, &v)` with an `any`",
		note:  "Map keys that Go cannot hash, lists and bin, do not go into an `any`.",
	},
	{
		language: "Python", library: "msgpack", version: "1.2.4", use: "default", program: python("peer_msgpack.py", "default"),
		setup: "`msgpack.unpackb(b)`, `msgpack.packb(v)`",
		note:  "Keys that are no text need `strict_map_key=False`; a `datetime` is written with `packb(v, datetime=True)`.",
	},
	{
		language: "Python", library: "msgpack", version: "1.2.4", use: "options", program: python("peer_msgpack.py", "options"),
		setup: "`unpackb(b, strict_map_key=False, use_list=False, unicode_errors=\"surrogateescape\")`, `packb(v, datetime=True, unicode_errors=\"surrogateescape\")`",
		note: "Everything comes through. `use_list=False` makes lists tuples, so that they can be keys; `surrogateescape` carries text that is no UTF-8. " +
			"A time arrives as `msgpack.Timestamp`, exact; with `timestamp=3` it is a `datetime`, cut to microseconds.",
	},
	{
		language: "Python", library: "u-msgpack-python", version: "2.8.0", program: python("peer_umsgpack.py"),
		setup: "`umsgpack.unpackb(b)`, `umsgpack.packb(v)`",
		note:  "Times are `datetime`, cut to microseconds. Debian 12 has version 2.3.0, which can read no map at all with its own Python 3.11: install a later one.",
	},
	{
		language: "Python", library: "ormsgpack", version: "1.13.1", use: "default", program: python("peer_ormsgpack.py", "default"),
		setup: "`ormsgpack.unpackb(b)`, `ormsgpack.packb(v)`",
		note:  "It writes a `datetime` as text and reads no timestamp unless told to, as below.",
	},
	{
		language: "Python", library: "ormsgpack", version: "1.13.1", use: "options", program: python("peer_ormsgpack.py", "options"),
		setup: "`option=OPT_NON_STR_KEYS | OPT_DATETIME_AS_TIMESTAMP_EXT`, and an `ext_hook`",
		note:  "Set these; `ext_hook` is for an ext of one's own.",
	},
	{
		language: "Python", library: "msgspec", version: "0.22.0", program: python("peer_msgspec.py"),
		setup: "`msgspec.msgpack.decode(b)`, `msgspec.msgpack.encode(v)`",
		note:  "Times are `datetime`, rounded to microseconds.",
	},
	{
		language: "JavaScript", library: "@msgpack/msgpack", version: "3.1.3", use: "default", program: script("node", "javascript/peer_msgpack.js", "default"),
		setup: "`decode(b)`, `encode(v)`",
		note: "All numbers are float64, integers too, so an integer beyond 2^53 is rounded, and a whole number goes out as an integer. Keys become text. " +
			"A `Map` is written as an empty map: turn it into an object first.",
	},
	{
		language: "JavaScript", library: "@msgpack/msgpack", version: "3.1.3", use: "options", program: script("node", "javascript/peer_msgpack.js", "options"),
		setup: "`decode(b, { useBigInt64: true })`, `encode(v, { useBigInt64: true })`",
		note: "64-bit integers are exact, as `BigInt`, whenever the sender used 64 bits for them. A `Number` from 2^32 on is then written as a float64, " +
			"`Date.now()` too; write `BigInt(Date.now())` where an integer is wanted.",
	},
	{
		language: "JavaScript", library: "msgpackr", version: "2.1.4", use: "default", program: script("node", "javascript/peer_msgpackr.js", "default"),
		setup: "`new Packr()`",
		note: "Its records (the default of `new Packr()`, not of the module's own `pack`) are an ext of its own and more than one msgpack value, so they cannot go through a queue: " +
			"set `useRecords: false`.",
	},
	{
		language: "JavaScript", library: "msgpackr", version: "2.1.4", use: "records", program: script("node", "javascript/peer_msgpackr.js", "records"),
		setup: "`new Packr({ useRecords: false })`",
		note:  "Now an object is a map. `undefined` is an ext, unless `encodeUndefinedAsNil: true`. A `Number` from 2^32 on is written as a float64; a `BigInt` as an integer.",
	},
	{
		language: "JavaScript", library: "msgpackr", version: "2.1.4", use: "options", program: script("node", "javascript/peer_msgpackr.js", "options"),
		setup: "`new Packr({ useRecords: false, mapsAsObjects: false })`",
		note:  "`mapsAsObjects: false` gives a `Map`, whose keys keep their type. A 64-bit integer is a `BigInt` from 2^53 on; `int64AsType: 'bigint'` makes each one so.",
	},
	{
		language: "JavaScript", library: "notepack.io", version: "3.0.1", program: script("node", "javascript/peer_notepack.js"),
		setup: "`decode(b)`, `encode(v)`",
		note: "Integers beyond 2^53 are rounded, and a whole number beyond 2^64 is written as some other integer: 1e300 as 0. Any ext but the timestamp arrives as a list. " +
			"The key `__proto__` is lost.",
	},
	{
		language: "JavaScript", library: "msgpack5", version: "6.1.0", use: "default", program: script("node", "javascript/peer_msgpack5.js", "default"),
		setup: "`msgpack5().decode(b)`, `.encode(v)`",
		note:  "Maps with keys other than text arrive as a `Map`. There is no `BigInt`.",
	},
	{
		language: "JavaScript", library: "msgpack5", version: "6.1.0", use: "options", program: script("node", "javascript/peer_msgpack5.js", "options"),
		setup: "`msgpack5({ preferMap: true })`",
		note:  "Each map is a `Map`.",
	},
	{
		language: "JavaScript", library: "msgpack-lite", version: "0.2.2", use: "default", program: script("node", "javascript/peer_msgpack_lite.js", "default"),
		setup: "`decode(b)`, `encode(v)`",
		note: "It knows no timestamps: it reads one as an ext and writes a `Date` as an ext of its own, as it does a `Uint8Array`; give it a `Buffer` for bin, and times as numbers. " +
			"A `Number` from 2^32 on is written as a float64.",
	},
	{
		language: "JavaScript", library: "msgpack-lite", version: "0.2.2", use: "options", program: script("node", "javascript/peer_msgpack_lite.js", "options"),
		setup: "`codec: createCodec({ preset: true, int64: true, usemap: true })`",
		note:  "64-bit integers are exact, as objects of `int64-buffer`; maps are a `Map`.",
	},
	{
		language: "Ruby", library: "msgpack", version: "1.4.2", use: "default", program: script("ruby", "ruby/peer.rb", "default"),
		setup: "`MessagePack.unpack(b)`, `MessagePack.pack(v)`",
		note:  "Times are unknown until type -1 is registered, as below. A text is bin when its encoding is `BINARY`.",
	},
	{
		language: "Ruby", library: "msgpack", version: "1.4.2", use: "options", program: script("ruby", "ruby/peer.rb", "options"),
		setup: "`factory.register_type(-1, Time, packer: MessagePack::Time::Packer, unpacker: MessagePack::Time::Unpacker)`, `allow_unknown_ext: true`",
		note:  "Everything comes through.",
	},
	{
		language: "Perl", library: "Data::MessagePack", version: "1.02", use: "default", program: script("perl", "perl/peer.pl", "default"),
		setup: "`Data::MessagePack->unpack($b)`, `->pack($v)`",
		note: "Every string is written as bin, keys too: shmq reads bin where text is wanted, and a key of a struct or a `map[string]T` as well, but in an `any` it is a `[]byte`. " +
			"There are no timestamps: send times as numbers. A number that was once printed goes out as a string.",
	},
	{
		language: "Perl", library: "Data::MessagePack", version: "1.02", use: "options", program: script("perl", "perl/peer.pl", "options"),
		setup: "`Data::MessagePack->new->utf8->canonical`",
		note:  "With `utf8` every string is written as text instead, and bin too, with its bytes as they are.",
	},
	{
		language: "PHP", library: "msgpack", version: "2.2.0RC2", use: "default", program: script("php", "php/peer.php", "default"),
		setup: "`msgpack_unpack($b)`, `msgpack_pack($v)`",
		note: "An object goes out with its class under a nil key, and its second mention as a reference: cast objects to arrays first, `(array) $o`. " +
			"Times, like any ext, arrive as null without a warning. Strings are all text. An empty map arrives as a `stdClass`.",
	},
	{
		language: "PHP", library: "msgpack", version: "2.2.0RC2", use: "options", program: script("php", "php/peer.php", "options"),
		setup: "`new MessagePack(false)` (`msgpack.php_only` is off)",
		note:  "Objects are written as lists of their fields, without the names. shmq reads such a list into a struct that has the same number of fields, in the same order; cast objects to arrays here as well.",
	},
	{
		language: "Lua", library: "lua-MessagePack", version: "0.5.2", program: script("lua5.3", "lua/peer.lua", "MessagePack"),
		setup: "`mp.unpack(s)`, `mp.pack(v)`, Lua 5.3",
		note: "An ext, and so a time, arrives as nil, and with it the key that held it; replace `mp.build_ext` to read them. A table whose keys are 1 to n is written as a list, " +
			"`{[1] = 2}` and the empty map too; `set_array 'always_as_map'` makes maps of all. Integers from 2^63 on are negative.",
	},
	{
		language: "Lua", library: "lua-mpack", version: "1.0.7-2", program: script("lua5.3", "lua/peer.lua", "mpack"),
		setup: "`mpack.unpack(s)`, `mpack.pack(v)`, Lua 5.3",
		note:  "All numbers are floats, so integers are rounded beyond 2^53. An ext arrives as a string of its payload. The rest is as with lua-MessagePack.",
	},
	{
		language: "Rust", library: "rmp-serde", version: "1.3.1", program: executable("rust/target/debug/peer"),
		setup: "`rmp_serde::from_slice::<rmpv::Value>(b)`, `rmp_serde::to_vec(&v)`",
		note:  "`to_vec` writes a struct as a list of its fields, which shmq reads into a Go struct that has the same number of fields in the same order; `to_vec_named` writes a map, which does not depend on that. A `Vec<u8>` is a list of numbers without `serde_bytes`. There are no timestamps: one arrives as an ext, and a `SystemTime` is a list of seconds and nanoseconds, which shmq reads as a time.",
	},
	{
		language: "Java", library: "msgpack-core", version: "0.9.11", program: java("core", "default"),
		setup: "`MessagePack.newDefaultUnpacker(b).unpackValue()`, `packer.packValue(v)`",
		note:  "Everything comes through; a float32 comes back as a float64.",
	},
	{
		language: "Java", library: "jackson-dataformat-msgpack", version: "0.9.11", use: "default", program: java("jackson", "default"),
		setup: "`new ObjectMapper(new MessagePackFactory())` with `Object.class`",
		note:  "Keys become text, and a map whose key is a list arrives empty. Timestamps need the module below; a `java.util.Date` is a number of milliseconds.",
	},
	{
		language: "Java", library: "jackson-dataformat-msgpack", version: "0.9.11", use: "options", program: java("jackson", "options"),
		setup: "the same with `TimestampExtensionModule.INSTANCE` registered",
		note:  "An `Instant` is written as a timestamp, and read where the Java field is an `Instant`; in an `Object` it stays an ext.",
	},
	{
		language: "C", library: "msgpack-c", version: "4.0.0", program: executable("c/peer"),
		setup: "`msgpack_unpack_next`, `msgpack_pack_object`",
		note:  "Everything comes through. Ask `msgpack_object_to_timestamp` for times.",
	},
}
