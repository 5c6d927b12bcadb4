// Package jsonpack turns JSON text into msgpack records and records into JSON,
// for the command line.
//
// # From JSON
//
// [Reader] reads values that follow each other, as in JSON Lines. Objects keep
// the order of their keys and keys that occur twice. A number without fraction
// and exponent becomes an integer when it fits 64 bits, signed or unsigned;
// any other number, and -0, becomes a float64, even when it is whole, so an
// integer beyond 64 bits keeps about 17 digits. A number too large for a float64
// is an error, as are half of a surrogate pair and bytes that are no UTF-8: text
// has no place for them.
//
// # From msgpack
//
// [AppendJSON] writes nil, booleans, integers, arrays and maps as one expects.
// A float has the fewest digits that read back as the same float (of its own
// size, 32 or 64 bits), and always a fraction or an exponent, so that it does
// not come back as an integer; NaN and infinities become null. Text is a string.
// Bytes, and text that is no UTF-8, are an object {"bin":"base64"}: no text looks
// like that. A timestamp is a string as in RFC 3339, in UTC, with nanoseconds, if
// it is in the years 0 to 9999. Any other extension value is an object
// {"type":5,"data":"base64"}. A map key of bytes that are UTF-8 is text, since some
// languages have no other strings. A map key that is no string becomes the string
// of its JSON; if that is an array or an object, keys inside it that are arrays
// or maps become the base64 of their msgpack.
package jsonpack
