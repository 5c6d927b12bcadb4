package pull

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// numbers are what a delivery says of itself.
type numbers struct {
	delivery uint64 // the consumer's count
	seq      uint64 // in the stream
	stored   time.Time
	pending  uint64
}

// numbersOf reads the usual form of a delivery's reply subject in place,
// $JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<delivery>.<time>.<pending>; others, with
// domain and account, are for the client.
func numbersOf(m jetstream.Msg) (n numbers, err error) {
	reply := m.Reply()
	if strings.HasPrefix(reply, "$JS.ACK.") && strings.Count(reply, ".") == 8 {
		var v [4]uint64 // from the end: pending, time, delivery, seq
		for i := range v {
			at := strings.LastIndexByte(reply, '.')
			if v[i], err = strconv.ParseUint(reply[at+1:], 10, 64); err != nil {
				break
			}
			reply = reply[:at]
		}
		if err == nil {
			return numbers{v[2], v[3], time.Unix(0, int64(v[1])), v[0]}, nil
		}
	}
	about, err := m.Metadata()
	if err != nil {
		return n, err
	}
	return numbers{about.Sequence.Consumer, about.Sequence.Stream, about.Timestamp, about.NumPending}, nil
}
