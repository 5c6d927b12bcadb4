package format

import (
	"errors"
	"io"
	"strings"

	"github.com/shmq/shmq/internal/jsonpack"
)

// cutJSON cuts out each value of a stream of JSON.
func cutJSON(in io.Reader, to *Batch) error {
	to.Unit = "value"
	values := jsonpack.NewReader(in)
	var value []byte // not in the batch yet: a read in the middle of a value flushes that
	for {
		var err error
		if value, err = values.Next(value[:0]); err != nil {
			return badJSON(err)
		}
		to.Buf = append(to.Buf, value...)
		if err := to.Added(); err != nil {
			return err
		}
	}
}

// jsonWord adds the values in a word; there has to be one.
func jsonWord(to *Batch, word string) error {
	if strings.TrimSpace(word) == "" {
		to.Unit = "value"
		return badData("the word %q holds no JSON value", word)
	}
	return cutJSON(strings.NewReader(word), to)
}

func badJSON(err error) error {
	var syntax *jsonpack.SyntaxError
	switch {
	case err == io.EOF:
		return nil
	case errors.As(err, &syntax):
		return badData("%v", err)
	}
	return err
}

// putJSON writes each record as JSON on a line of its own.
func putJSON(to *Page, record []byte) error {
	if err := to.JSON(record); err != nil {
		return err
	}
	to.Buf = append(to.Buf, '\n')
	return nil
}
