package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/flow"
	"github.com/shmq/shmq/internal/watch"
)

// The kinds of a queue in a frame.
const (
	kindSame   = 0
	kindInfo   = 1
	kindError  = 2
	kindMask   = 3
	kindWalked = 4 // a bit beside
)

// seen is a queue in the frame before.
type seen struct {
	name string
	kind byte // kindInfo or kindError
	body []byte
	info *shmq.Info // of a reader
	at   time.Time
}

// state is what the next frame goes on from.
type state struct {
	queues []*seen
}

// encode returns the payload of a frame.
func (s *state) encode(f *Frame, anew bool) ([]byte, error) {
	if anew {
		s.queues = nil
	}
	kind := byte(0)
	if anew {
		kind = 1
	}
	b := binary.LittleEndian.AppendUint64([]byte{kind}, uint64(f.Time.UnixMicro()))
	b = binary.AppendUvarint(b, uint64(len(f.Looks)))
	var next []*seen
	for i := range f.Looks {
		l := &f.Looks[i]
		q := &seen{name: l.Name, kind: kindInfo}
		if l.Err != nil {
			q.kind, q.body = kindError, []byte(l.Err.Error())
		} else {
			var err error
			if q.body, err = encodeInfo(l.Info); err != nil {
				return nil, err
			}
		}
		ref, was := 0, &seen{}
		for n, old := range s.queues {
			if old.name == l.Name {
				ref, was = n+1, old
			}
		}
		b = binary.AppendUvarint(b, uint64(ref))
		if ref == 0 {
			b = append(binary.AppendUvarint(b, uint64(len(l.Name))), l.Name...)
		}
		walked := uint64(0)
		if !l.Walked.IsZero() {
			walked = 1 + uint64(max(f.Time.Sub(l.Walked), 0).Microseconds())
		}
		b = binary.AppendUvarint(b, walked)
		counted := byte(0)
		if l.Counted {
			counted = kindWalked
		}
		if was.kind == q.kind && bytes.Equal(was.body, q.body) {
			b = append(b, kindSame|counted)
		} else {
			packed := deflate(q.body, was.body)
			b = append(binary.AppendUvarint(append(b, q.kind|counted), uint64(len(packed))), packed...)
		}
		next = append(next, q)
	}
	s.queues = next
	return b, nil
}

// decode reads a payload, which others may have written.
func (s *state) decode(payload []byte) (*Frame, error) {
	in := &input{b: payload}
	before := map[string]*seen{} // also of a frame that starts anew
	for _, q := range s.queues {
		before[q.name] = q
	}
	if in.u8() == 1 {
		s.queues = nil
	}
	f := &Frame{Time: time.UnixMicro(int64(in.u64()))}
	count := in.uvarint()
	if count > uint64(len(payload)) {
		return nil, errors.New("more queues than there is room for")
	}
	var next []*seen
	total := 0
	for range count {
		was, q := &seen{}, &seen{at: f.Time}
		if ref := in.uvarint(); ref == 0 {
			q.name = string(in.bytes(in.uvarint()))
		} else if ref <= uint64(len(s.queues)) {
			was = s.queues[ref-1]
			q.name = was.name
		} else {
			in.bad = true
		}
		l := watch.Look{Name: q.name}
		if walked := in.uvarint(); walked > 0 {
			l.Walked = f.Time.Add(-time.Duration(min(walked-1, 1<<53)) * time.Microsecond)
		}
		kind := in.u8()
		l.Counted = kind&kindWalked != 0
		if kind &= kindMask; kind == kindSame {
			q.kind, q.body, q.info = was.kind, was.body, was.info
		} else {
			var err error
			q.kind = kind
			if q.body, err = inflate(in.bytes(in.uvarint()), was.body); err == nil && kind == kindInfo {
				q.info, err = decodeInfo(q.body)
			}
			if err != nil && !in.bad {
				return nil, fmt.Errorf("queue %q: %w", q.name, err)
			}
		}
		if in.bad {
			return nil, errors.New("it ends in the middle of a queue")
		}
		if total += len(q.body); total > maxFrame {
			return nil, fmt.Errorf("descriptions of more than %d bytes", maxFrame)
		}
		switch q.kind {
		case kindInfo:
			l.Info = q.info
			if old := before[q.name]; old != nil && old.info != nil && old.info.CreationID == q.info.CreationID {
				l.Flow = flow.Between(old.info, q.info, f.Time.Sub(old.at))
			}
		case kindError:
			l.Err = errors.New(strings.ToValidUTF8(string(q.body), "?"))
		default:
			return nil, fmt.Errorf("a queue of kind %d", q.kind)
		}
		f.Looks = append(f.Looks, l)
		next = append(next, q)
	}
	if in.bad || len(in.b) > 0 {
		return nil, errors.New("its length is wrong")
	}
	s.queues = next
	return f, nil
}

// input is read from the front. bad: there was less than asked for.
type input struct {
	b   []byte
	bad bool
}

func (in *input) bytes(n uint64) []byte {
	if n > uint64(len(in.b)) {
		in.bad, in.b = true, nil
		return nil
	}
	b := in.b[:n]
	in.b = in.b[n:]
	return b
}

func (in *input) u8() byte {
	if b := in.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (in *input) u64() uint64 {
	if b := in.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (in *input) uvarint() uint64 {
	v, n := binary.Uvarint(in.b)
	if n <= 0 {
		in.bad, in.b = true, nil
		return 0
	}
	in.b = in.b[n:]
	return v
}
