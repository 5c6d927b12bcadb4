#!/usr/bin/env bash
# github.com/vmihailenco/msgpack v5.4.1 (Go) writes what MarshalText returns, a text by that
# method's own words, as bin, as a map key too; @msgpack/msgpack 3.1.3 (JavaScript) then refuses the
# map, whose keys encoding/json writes as text.
# One would have guessed str.
source "$(dirname "$0")/common"
gomod github.com/vmihailenco/msgpack/v5@v5.4.1
npm @msgpack/msgpack@3.1.3

cat >main.go <<'G'
package main

import (
	"encoding/json"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

type colour int

func (colour) MarshalText() ([]byte, error) { return []byte("red"), nil }

func main() {
	b, _ := msgpack.Marshal(map[colour]int{1: 5})
	j, _ := json.Marshal(map[colour]int{1: 5})
	fmt.Printf("%x %s\n", b, j)
}
G
{
  go run .
  node -e 'try { require("@msgpack/msgpack").decode(Buffer.from("81c40372656405", "hex")) } catch (e) { console.log(e.message) }'
} | seen '81c40372656405 {"red":5}
The type of key must be string or number but object'
