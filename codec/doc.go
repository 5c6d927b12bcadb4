// Package codec turns values into the bytes of a record and back.
//
// A record is one msgpack value by default ([Msgpack]), so that any language
// with a msgpack library reads and writes it. [Bytes] leaves records as they
// are, and a [Codec] of one's own can put anything in them.
//
// Records come from other processes and are not to be trusted. [Check] says,
// without allocating, whether bytes are one well-formed value; [Msgpack]
// refuses to decode those that are not.
package codec
