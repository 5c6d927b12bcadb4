package look

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/jsonpack"
	"github.com/shmq/shmq/internal/words"
)

// recordJSON is what peek and tail print of a record with --json.
type recordJSON struct {
	Position    uint64           `json:"position"`
	ID          *shmq.ID         `json:"id,omitempty"` // not while it is being written
	State       shmq.RecordState `json:"state"`
	Slots       int              `json:"slots"`
	Size        *int             `json:"size_bytes,omitempty"`
	Redelivered int              `json:"redelivered"`
	Sent        time.Time        `json:"sent_at,omitzero"`
	Holder      *shmq.Holder     `json:"holder"`
	Data        json.RawMessage  `json:"data,omitempty"`
	Base64      string           `json:"data_base64,omitempty"`
}

// asJSON prints a record as an object on a line of its own.
func (p *printer) asJSON(to *format.Page, rec *shmq.Record) error {
	v := recordJSON{
		Position: rec.Position, State: rec.State, Slots: rec.Slots,
		Redelivered: rec.Redelivered, Holder: p.view.Holder(rec),
	}
	if rec.State != shmq.Writing {
		n := len(rec.Data)
		v.Size, v.ID, v.Sent = &n, &rec.ID, rec.Sent
		data, err := jsonpack.AppendJSON(nil, rec.Data)
		if err == nil {
			v.Data = data
		} else {
			v.Base64 = base64.StdEncoding.EncodeToString(rec.Data)
		}
	}
	b, err := json.Marshal(v)
	to.Buf = append(append(to.Buf, b...), '\n')
	return err
}

// dataOnly prints what a record holds, like the receiver does. Its records are not being
// written.
func dataOnly(f format.Format) func(*format.Page, *shmq.Record) error {
	return func(to *format.Page, rec *shmq.Record) error { return f.Put(to, rec.Data) }
}

// previewRunes is how much of a record a table shows.
const previewRunes = 60

// preview shows a record on one line: strings and binary quoted, anything else as
// JSON, and what is not msgpack as such.
func preview(data []byte) string {
	const enough = 4 * previewRunes // bytes that give so many runes, however escaped
	var s string
	if t, ok := format.Text(data); ok {
		s = fmt.Sprintf("%q", t[:min(len(t), enough)])
	} else if err := codec.Check(data); err != nil {
		s = fmt.Sprintf("not msgpack: %x", data[:min(len(data), enough)])
	} else if b, err := jsonpack.AppendJSON(nil, data); err == nil {
		s = strings.Map(exit.Printable, string(b))
	}
	if r := []rune(s); len(r) > previewRunes {
		s = string(r[:previewRunes-1]) + "…"
	}
	return s
}

const peekRow = "%-12v %-8v %9v %6v %6v %6v  %-26v %v\n"

func (p *printer) asRow(to *format.Page, rec *shmq.Record) error {
	holder := "-"
	if h := p.view.Holder(rec); h != nil {
		holder = fmt.Sprintf("%d (%s)", h.PID, h.Command)
		if !h.Alive {
			holder += ", dead"
		}
	}
	size, data := any(len(rec.Data)), preview(rec.Data)
	if rec.State == shmq.Writing {
		size, data = "-", ""
	}
	row := fmt.Sprintf(peekRow, rec.Position, rec.State, size, rec.Slots, rec.Redelivered, age(rec.Sent), holder, data)
	to.Buf = append(append(to.Buf, strings.TrimRight(row, " \n")...), '\n')
	return nil
}

// age tells how long ago a record was sent; "-" where that is not known.
func age(sent time.Time) string {
	if sent.IsZero() {
		return "-"
	}
	return words.Age(words.Ago(sent))
}

func peekHeading(w io.Writer) {
	fmt.Fprintf(w, peekRow, "POSITION", "STATE", "SIZE", "SLOTS", "AGAIN", "AGE", "HOLDER", "DATA")
}
