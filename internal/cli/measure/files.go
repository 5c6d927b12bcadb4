package measure

import (
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/shmq/shmq/internal/bench"
)

// benchFiles are what --hdr and --plot ask for. They are made before anything is
// measured: a mistake in a path should not cost the minutes that takes.
type benchFiles struct {
	plot *replacement
	hdr  map[string]*replacement // by case
}

func (f *benchFlags) open(cases []bench.Case) (_ *benchFiles, err error) {
	b := &benchFiles{hdr: map[string]*replacement{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.discard())
		}
	}()
	if f.plot != "" {
		if b.plot, err = replace(f.plot); err != nil {
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
		if b.hdr[c.Name], err = replace(path); err != nil {
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
		errs = append(errs, f.fill(func(w io.Writer) error {
			if sweep != nil {
				return sweep.Plot(w, r)
			}
			return r.PlotPercentiles(w, plotted)
		}))
	}
	for _, row := range r.Results {
		if f := b.hdr[row.Case]; f != nil {
			delete(b.hdr, row.Case)
			errs = append(errs, f.fill(func(w io.Writer) error { return bench.WriteHistogram(w, row) }))
		}
	}
	return errors.Join(append(errs, b.discard())...)
}

// discard removes what was made and not written. Files that were there before stay.
func (b *benchFiles) discard() error {
	var errs []error
	drop := func(f *replacement) {
		if f != nil {
			errs = append(errs, f.discard())
		}
	}
	drop(b.plot)
	for _, f := range b.hdr {
		drop(f)
	}
	return errors.Join(errs...)
}

// fileOf puts the name of a case before the extension: out.hdr, out-round-trip-pipe.hdr.
func fileOf(path, name string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "-" + strings.ReplaceAll(name, "/", "-") + ext
}
