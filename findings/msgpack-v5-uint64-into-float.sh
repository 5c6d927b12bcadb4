#!/usr/bin/env bash
# github.com/vmihailenco/msgpack v5.4.1 (Go) reads an unsigned integer from 2^63 on into a
# float64 as a negative number, and gives no error; into an any it is right.
# One would have guessed 1e+19.
source "$(dirname "$0")/common"
gomod github.com/vmihailenco/msgpack/v5@v5.4.1

cat >main.go <<'G'
package main

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

func main() {
	b, err := msgpack.Marshal(uint64(1e19))
	fmt.Printf("%x %v\n", b, err)
	var f float64
	fmt.Println(msgpack.Unmarshal(b, &f), f)
	var v any
	fmt.Println(msgpack.Unmarshal(b, &v), v)
}
G
go run . | seen 'cf8ac7230489e80000 <nil>
<nil> -8.446744073709552e+18
<nil> 10000000000000000000'
