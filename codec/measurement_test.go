package codec_test

import (
	"testing"

	"github.com/shmq/shmq/codec"
)

// measurement is the struct of the typed rows of shmq bench.
type measurement struct {
	ID      uint64  `msgpack:"id"`
	Time    int64   `msgpack:"time"`
	X       int32   `msgpack:"x"`
	Y       int32   `msgpack:"y"`
	Name    string  `msgpack:"name"`
	Unit    string  `msgpack:"unit"`
	Value   float64 `msgpack:"value"`
	Settled bool    `msgpack:"settled"`
}

func aMeasurement() measurement {
	return measurement{ID: 1 << 40, Time: 1_700_000_000_123_456_789, X: 1200, Y: -70_000, Name: "inlet temperature", Unit: "K", Value: 293.15, Settled: true}
}

func BenchmarkMeasurementAppend(b *testing.B) {
	c, v := codec.Msgpack(), aMeasurement()
	dst := encode(b, &v)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = c.Append(dst[:0], &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMeasurementDecode(b *testing.B) {
	c, v := codec.Msgpack(), aMeasurement()
	src := encode(b, &v)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Decode(src, &v); err != nil {
			b.Fatal(err)
		}
	}
}
