package worker

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/shmq/shmq/internal/crew"
	"github.com/shmq/shmq/internal/sys"
)

// stdin returns what a command is to find on its standard input: a file in memory with all of
// the records. From a pipe a command whose receiver is killed would read the end early, and
// could not tell a part of a record from a record. The caller closes it. Where the system has no
// such files a pipe has to do.
func stdin(rs []*crew.Record) (in io.Reader, done func(), err error) {
	f, err := memoryFile()
	if err == nil {
		for i := 0; i < len(rs) && err == nil; i++ {
			text, _ := rs[i].Value.([]byte) // as prepare formatted it
			_, err = f.Write(text)
		}
		if err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	switch {
	case err == nil:
		return f, func() { _ = f.Close() }, nil // nothing can be left to write
	case isShortage(err):
		return nil, nil, err
	}
	var buf []byte
	for _, r := range rs {
		text, _ := r.Value.([]byte)
		buf = append(buf, text...)
	}
	return bytes.NewReader(buf), func() {}, nil
}

func memoryFile() (*os.File, error) {
	f, err := sys.CreateAnonymous(0o600)
	if err != nil {
		return nil, err
	}
	return f.OSFile(), nil
}
