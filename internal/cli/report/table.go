// Package report says things about queues in words, numbers and metrics.
package report

import (
	"encoding/json"
	"io"
	"text/tabwriter"

	"github.com/shmq/shmq/internal/cli/exit"
)

// Table prints what fill writes, in columns that tabs separate.
func Table(out io.Writer, fill func(io.Writer)) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fill(w) // errors come back from Flush
	return exit.Output(w.Flush())
}

// JSON prints a value as indented JSON.
func JSON(out io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	return write(out, b, err)
}

// Line prints a value as JSON on one line.
func Line(out io.Writer, v any) error {
	b, err := json.Marshal(v)
	return write(out, b, err)
}

func write(out io.Writer, b []byte, err error) error {
	if err != nil {
		return err
	}
	_, err = out.Write(append(b, '\n'))
	return exit.Output(err)
}
