package codec_test

import (
	"errors"
	"fmt"
	"io"

	"github.com/shmq/shmq/codec"
)

func Example() {
	type Reading struct {
		Sensor string  `msgpack:"sensor"`
		Value  float64 `msgpack:"value"`
	}
	c := codec.Msgpack()

	record, err := c.Append(nil, &Reading{Sensor: "t1", Value: 21.5})
	if err != nil {
		fmt.Println(err)
		return
	}
	var r Reading
	if err := c.Decode(record, &r); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Sensor, r.Value)
	// Output: t1 21.5
}

func ExampleCheck() {
	fmt.Println(codec.Check([]byte("\xa2hi")))
	fmt.Println(codec.Check([]byte("\xdd\xff\xff\xff\xff")))
	// Output:
	// <nil>
	// codec: malformed msgpack: unexpected EOF
}

func ExampleNext() {
	stream := []byte("\xa2hi\x92\x01\x02\xa5cut")
	for {
		n, err := codec.Next(stream)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			fmt.Println("needs more than", len(stream), "bytes")
			return
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("% x\n", stream[:n])
		stream = stream[n:]
	}
	// Output:
	// a2 68 69
	// 92 01 02
	// needs more than 4 bytes
}
