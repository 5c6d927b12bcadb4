package format

import (
	"encoding/json"
	"time"

	"github.com/shmq/shmq"
)

// Meta is what is known of a record beside its contents.
type Meta struct {
	ID      shmq.ID   `json:"id"`
	Queue   string    `json:"queue"`
	Attempt int       `json:"attempt"`
	SentAt  time.Time `json:"sent_at,omitzero"`
}

// Put appends an object of what is known of a record and, as data, its contents as JSON, on
// a line of its own.
func (m *Meta) Put(to *Page, record []byte) error {
	start := len(to.Buf)
	head, err := json.Marshal(m)
	if err != nil {
		return err
	}
	to.Buf = append(append(to.Buf, head[:len(head)-1]...), `,"data":`...)
	if err := to.JSON(record); err != nil {
		to.Buf = to.Buf[:start]
		return err
	}
	to.Buf = append(to.Buf, "}\n"...)
	return nil
}
