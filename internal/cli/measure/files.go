package measure

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/shmq/shmq/internal/bench"
)

// benchFiles are what --hdr and --plot ask for. They are opened before anything is
// measured: a mistake in a path should not cost the minutes that takes.
type benchFiles struct {
	plot *os.File
	hdr  map[string]*os.File // by case
}

func (f *benchFlags) open(cases []bench.Case) (_ *benchFiles, err error) {
	b := &benchFiles{hdr: map[string]*os.File{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.discard())
		}
	}()
	if f.plot != "" {
		if b.plot, err = createFile(f.plot); err != nil {
			return nil, err
		}
	}
	if f.hdr == "" {
		return b, nil
	}
	var timed []bench.Case
	for _, c := range cases {
		if c.Latency() {
			timed = append(timed, c)
		}
	}
	for _, c := range timed {
		path := f.hdr
		if len(timed) > 1 {
			path = fileOf(path, c.Name)
		}
		if b.hdr[c.Name], err = createFile(path); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// write fills the files. Those of cases that were skipped go.
func (b *benchFiles) write(r *bench.Report, sweep *bench.Sweep, plotted []bench.Case) error {
	var errs []error
	if f := b.plot; f != nil {
		b.plot = nil
		errs = append(errs, fill(f, func(w io.Writer) error {
			if sweep != nil {
				return sweep.Plot(w, r)
			}
			return r.PlotPercentiles(w, plotted)
		}))
	}
	for _, row := range r.Results {
		if f := b.hdr[row.Case]; f != nil {
			delete(b.hdr, row.Case)
			errs = append(errs, fill(f, func(w io.Writer) error { return bench.WriteHistogram(w, row) }))
		}
	}
	return errors.Join(append(errs, b.discard())...)
}

// discard removes the files that were not written.
func (b *benchFiles) discard() error {
	var errs []error
	drop := func(f *os.File) {
		if f != nil {
			errs = append(errs, f.Close())
			if info, err := os.Lstat(f.Name()); err == nil && info.Mode().IsRegular() { // no device
				errs = append(errs, os.Remove(f.Name()))
			}
		}
	}
	drop(b.plot)
	for _, f := range b.hdr {
		drop(f)
	}
	return errors.Join(errs...)
}

func createFile(path string) (*os.File, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("can't write a file: %v", err) // not about a queue
	}
	return f, nil
}

func fill(f *os.File, write func(io.Writer) error) error {
	w := bufio.NewWriter(f)
	return errors.Join(write(w), w.Flush(), f.Close())
}

// fileOf puts the name of a case before the extension: out.hdr, out-round-trip-pipe.hdr.
func fileOf(path, name string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "-" + strings.ReplaceAll(name, "/", "-") + ext
}
