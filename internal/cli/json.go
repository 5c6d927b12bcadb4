package cli

import (
	"errors"
	"io"

	"github.com/shmq/shmq/internal/jsonpack"
)

// sendJSON sends each value of a stream of JSON.
func sendJSON(in io.Reader, out *outbox) error {
	out.what = "value"
	values := jsonpack.NewReader(in)
	var value []byte // not in the outbox yet: a read in the middle of it sends that
	for {
		var err error
		if value, err = values.Next(value[:0]); err != nil {
			return badJSON(out, err)
		}
		out.buf = append(out.buf, value...)
		if err := out.added(); err != nil {
			return err
		}
	}
}

func badJSON(out *outbox, err error) error {
	var syntax *jsonpack.SyntaxError
	switch {
	case err == io.EOF:
		return nil
	case errors.As(err, &syntax):
		return out.badData("%v", err)
	}
	return err
}

// recvJSON writes each record as JSON on a line of its own.
func recvJSON(to *page, record []byte) error {
	if err := to.json(record); err != nil {
		return err
	}
	to.buf = append(to.buf, '\n')
	return nil
}
