package bench

// measurement is the value of the typed cases: eight fields, as a sensor has them.
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

// measurementPayload is how many bytes it takes as msgpack.
const measurementPayload = 93

// aMeasurement returns a value of the usual size.
func aMeasurement() measurement {
	return measurement{ID: 1 << 40, Time: 1_700_000_000_123_456_789, X: 1200, Y: -70_000, Name: "inlet temperature", Unit: "K", Value: 293.15, Settled: true}
}
