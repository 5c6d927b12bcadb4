package top

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/flow"
	"github.com/shmq/shmq/internal/history"
)

// Replay shows a recording as Run shows queues; if stdout is no terminal, or with Once, its
// last frame.
func Replay(ctx context.Context, o Options, r *history.Reader) error {
	m, tty := o.model()
	m.place = "a recording"
	p := &player{reader: r, model: m, at: -1, speed: 1}
	if o.Once || !tty {
		m.rows, m.keys = 0, false
		if err := p.to(r.Len() - 1); err != nil {
			return err
		}
		return write(os.Stdout, m)
	}
	return runLive(ctx, &live{model: m, player: p, options: o, out: os.Stdout})
}

// jsonQueue is a queue in a frame of ReplayJSON.
type jsonQueue struct {
	*shmq.Info
	Name  string     `json:"name"`
	Error string     `json:"error,omitempty"`
	Rates *flow.Flow `json:"rates,omitempty"`
}

// ReplayJSON writes each frame of a recording as JSON on a line.
func ReplayJSON(ctx context.Context, out io.Writer, r *history.Reader) error {
	e := json.NewEncoder(out)
	for i := range r.Len() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f, err := r.Frame(i)
		if err != nil {
			return err
		}
		queues := []jsonQueue{}
		for _, l := range f.Looks {
			q := jsonQueue{Info: l.Info, Name: l.Name, Rates: l.Flow}
			if l.Err != nil {
				q.Error = l.Err.Error()
			}
			queues = append(queues, q)
		}
		line := struct {
			Time   string      `json:"time"`
			Queues []jsonQueue `json:"queues"`
		}{f.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), queues}
		if err := e.Encode(line); err != nil {
			return fmt.Errorf("write the output: %w", err)
		}
	}
	return nil
}
