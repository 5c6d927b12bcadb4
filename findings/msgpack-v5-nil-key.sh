#!/usr/bin/env bash
# github.com/vmihailenco/msgpack v5.4.1 (Go) reads a nil key of a map, which PHP writes for the class of
# an object, into a map[string]int as the empty text. A real empty key is the same entry, and the
# later of the two remains.
# One would have guessed an error, as for an integer key.
source "$(dirname "$0")/common"
gomod github.com/vmihailenco/msgpack/v5@v5.4.1

cat >main.go <<'G'
package main

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

func main() {
	for _, b := range []string{"\x82\xc0\x01\xa0\x02", "\x81\x07\x01"} {
		var m map[string]int
		err := msgpack.Unmarshal([]byte(b), &m)
		fmt.Println(m, err)
	}
}
G
go run . | seen 'map[:2] <nil>
map[] msgpack: invalid code=7 decoding string/bytes length'
