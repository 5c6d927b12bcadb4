package look

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/flow"
)

// Told is what the verbs that only look tell of a queue: stat in its three forms, with
// rates between two looks, and peek in two.
type Told struct{ Metrics, Info, Table, Peeked, Rows []byte }

// Tell looks at a queue twice, with change in between.
func Tell(name string, change func()) (*Told, error) {
	before, err := shmq.Stat(name)
	if err != nil {
		return nil, err
	}
	change()
	after, err := shmq.Stat(name)
	if err != nil {
		return nil, err
	}
	var metrics, info, table bytes.Buffer
	rates := flow.Between(before, after, time.Second)
	err = errors.Join(
		report.Prometheus(&metrics, []string{name}),
		report.JSON(&info, infoJSON{after, rates}),
		report.Table(&table, func(w io.Writer) { printInfo(w, after, rates) }),
	)
	told := &Told{Metrics: metrics.Bytes(), Info: info.Bytes(), Table: table.Bytes()}
	if err != nil {
		return told, err
	}
	v, err := shmq.View(name)
	if err != nil {
		return told, err
	}
	defer v.Close()
	l := &printer{view: v, name: name}
	var rows, objects format.Page
	for rec := (shmq.Record{}); v.Next(&rec) == nil; {
		if err := errors.Join(l.asRow(&rows, &rec), l.asJSON(&objects, &rec)); err != nil {
			return told, err
		}
	}
	told.Rows, told.Peeked = rows.Buf, objects.Buf
	return told, nil
}
