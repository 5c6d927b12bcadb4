package report

import (
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/metrics"
	"github.com/shmq/shmq/internal/name"
)

// exposition is Prometheus' text exposition format 0.0.4, which wants the samples of a
// family together, below one HELP and one TYPE. The families stand in the order of their
// first sample.
type exposition struct {
	order   []*metrics.Family
	samples map[*metrics.Family]*strings.Builder
}

// of returns what adds samples of a queue.
func (e *exposition) of(queue string) metrics.Add {
	return func(f *metrics.Family, value float64, labels ...string) {
		out := e.samples[f]
		if out == nil {
			out = &strings.Builder{}
			e.samples[f] = out
			e.order = append(e.order, f)
		}
		out.WriteString(f.Name + `{queue="` + labelText(queue) + `"`)
		for i, l := range labels {
			out.WriteString("," + f.Labels[i] + `="` + labelText(l) + `"`)
		}
		out.WriteString("} " + strconv.FormatFloat(value, 'f', -1, 64) + "\n")
	}
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// labelText is a label's value as it stands between quotes.
func labelText(s string) string { return labelEscapes.Replace(strings.ToValidUTF8(s, "?")) }

func (e *exposition) write(out io.Writer) error {
	var text strings.Builder
	for _, f := range e.order {
		text.WriteString("# HELP " + f.Name + " " + f.Help + "\n# TYPE " + f.Name + " " + f.Kind() + "\n" + e.samples[f].String())
	}
	_, err := io.WriteString(out, text.String())
	return exit.Output(err)
}

// Prometheus prints the metrics of the queues of these names, or of all. A queue that
// can't be described is down; of one that was asked for by name, the error comes back
// when the others are printed.
func Prometheus(out io.Writer, names []string) error {
	all := len(names) == 0
	if all {
		var err error
		if names, err = name.All(); err != nil {
			return err
		}
	}
	e := &exposition{samples: map[*metrics.Family]*strings.Builder{}}
	var failed error
	seen := map[string]bool{} // a series may stand there once
	for _, queue := range names {
		if seen[queue] {
			continue
		}
		seen[queue] = true
		var info *shmq.Info
		err := name.ErrSparse
		if !all || !name.Sparse(queue) {
			info, err = shmq.Stat(queue)
		}
		switch {
		case err == nil:
			metrics.Queue(info, e.of(queue))
			metrics.Participants(info, e.of(queue))
			continue
		case all && errors.Is(err, fs.ErrNotExist):
			continue // removed just now
		case !all && failed == nil:
			failed = err
		}
		metrics.Down(e.of(queue))
	}
	return errors.Join(e.write(out), failed)
}
