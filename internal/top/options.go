package top

import (
	"context"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/watch"
)

// Options say what to show, and where.
type Options struct {
	Names    []string // empty for all queues
	Interval time.Duration
	Once     bool // one frame, without sequences, also on a terminal
	Color    bool
	ASCII    bool // no characters beyond ASCII
	Dumb     bool // the terminal knows no sequences
	Texts    Texts
}

// Run shows queues until the user quits, or ctx ends; it then returns the cause. If
// stdout is no terminal, or with Once, it writes one frame.
func Run(ctx context.Context, o Options) error {
	m, ok := o.model()
	if len(o.Names) == 1 {
		m.at, m.closer = o.Names[0], true
	}
	c := watch.New(o.Names)
	defer c.Close()
	if o.Once || !ok {
		return once(ctx, os.Stdout, m, c)
	}
	return runLive(ctx, &live{model: m, collector: c, options: o, out: os.Stdout})
}

// model returns what is to be shown, and whether stdout is a terminal.
func (o *Options) model() (*model, bool) {
	columns, rows, ok := sys.TerminalSize(os.Stdout.Fd())
	if !ok {
		columns, rows = 80, 0
		if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
			columns = min(n, 1000)
		}
	}
	m := newModel(o.Texts)
	m.place, m.interval, m.ascii = shmq.Dir(), o.Interval, o.ASCII
	m.columns, m.rows = columns, rows
	return m, ok
}

// once writes one frame. Its rates are of two looks.
func once(ctx context.Context, out io.Writer, m *model, c *watch.Collector) error {
	m.rows, m.keys = 0, false
	looks, err := c.Look(func(string) bool { return false })
	if err != nil {
		return err
	}
	m.looked(looks, nil, time.Now())
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(m.interval):
	}
	if looks, err = c.Look(func(string) bool { return true }); err != nil {
		return err
	}
	m.looked(looks, nil, time.Now())
	if l := m.chosen(); m.closer && l != nil && l.Err != nil {
		return l.Err
	}
	return write(out, m)
}

// write writes a frame as text.
func write(out io.Writer, m *model) error {
	var text []byte
	for _, l := range m.frame() {
		text = append(append(text, l.text...), '\n')
	}
	_, err := out.Write(text)
	return err
}
