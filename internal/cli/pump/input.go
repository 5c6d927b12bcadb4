package pump

import "io"

// Input is a command's input. Before a read, which may block, it has all sent that was
// read before.
type Input struct {
	Hold   *Hold
	From   io.Reader
	Before func() error
	Failed func(error) error // what to make of an error of From, nil for nothing
}

func (in *Input) Read(b []byte) (n int, err error) {
	if err := in.Before(); err != nil {
		return 0, err
	}
	in.Hold.Outside(func() { n, err = in.From.Read(b) })
	if err != nil && err != io.EOF && in.Failed != nil {
		err = in.Failed(err)
	}
	return n, err
}
