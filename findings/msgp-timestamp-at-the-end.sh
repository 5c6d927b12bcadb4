#!/usr/bin/env bash
# github.com/tinylib/msgp v1.6.5 (Go): ReadIntfBytes returns a timestamp of 32 or 64 bits as a
# time.Time when a byte follows it, and as a *msgp.RawExtension when it ends the slice. So the
# type of the last value of a map or list depends on what else is in the buffer.
# One would have guessed a time.Time in both cases.
source "$(dirname "$0")/common"
gomod github.com/tinylib/msgp@v1.6.5

cat >main.go <<'G'
package main

import (
	"fmt"

	"github.com/tinylib/msgp/msgp"
)

func main() {
	for _, b := range []string{"\xd6\xff\x5e\x0b\xe1\x00", "\xd6\xff\x5e\x0b\xe1\x00\x01"} {
		v, rest, err := msgp.ReadIntfBytes([]byte(b))
		fmt.Printf("%x: %T, %d left, %v\n", b, v, len(rest), err)
	}
}
G
go run . | seen 'd6ff5e0be100: *msgp.RawExtension, 0 left, <nil>
d6ff5e0be10001: time.Time, 1 left, <nil>'
