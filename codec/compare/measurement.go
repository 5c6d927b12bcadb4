// Package compare measures msgpack libraries for Go with one struct: this project's
// codec, github.com/vmihailenco/msgpack/v5, github.com/shamaton/msgpack/v3, and the
// methods that github.com/tinylib/msgp generates. It is a module of its own, so that
// no user of shmq depends on libraries that are only compared.
//
//	go test -bench . -benchtime 1s -count 10
package compare

import "time"

//go:generate go run github.com/tinylib/msgp@v1.6.5 -tests=false -io=false -o=generated.go -file=measurement.go

// Plain is the struct of the typed rows of shmq bench: eight fields, as a sensor has
// them.
//
//msgp:ignore Plain
type Plain struct {
	ID      uint64  `msgpack:"id"`
	Time    int64   `msgpack:"time"`
	X       int32   `msgpack:"x"`
	Y       int32   `msgpack:"y"`
	Name    string  `msgpack:"name"`
	Unit    string  `msgpack:"unit"`
	Value   float64 `msgpack:"value"`
	Settled bool    `msgpack:"settled"`
}

// Generated is Plain with generated methods.
type Generated struct {
	ID      uint64  `msg:"id"`
	Time    int64   `msg:"time"`
	X       int32   `msg:"x"`
	Y       int32   `msg:"y"`
	Name    string  `msg:"name"`
	Unit    string  `msg:"unit"`
	Value   float64 `msg:"value"`
	Settled bool    `msg:"settled"`
}

func aMeasurement() Plain {
	return Plain{ID: 1 << 40, Time: 1_700_000_000_123_456_789, X: 1200, Y: -70_000, Name: "inlet temperature", Unit: "K", Value: 293.15, Settled: true}
}

// Event and EventPlain are what generated code and reflection write differently.
type Event struct {
	At   time.Time      `msg:"At"`
	List []int          `msg:"List"`
	Map  map[string]int `msg:"Map"`
	Data []byte         `msg:"Data"`
}

// EventAllowsNil is Event with the option that takes nil.
type EventAllowsNil struct {
	At   time.Time      `msg:"At"`
	List []int          `msg:"List,allownil"`
	Map  map[string]int `msg:"Map,allownil"`
	Data []byte         `msg:"Data,allownil"`
}

// EventPlain has no methods.
//
//msgp:ignore EventPlain
type EventPlain struct {
	At   time.Time
	List []int
	Map  map[string]int
	Data []byte
}

// Wrap holds a generated type.
//
//msgp:ignore Wrap
type Wrap struct{ X Generated }
