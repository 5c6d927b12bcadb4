package keep

import (
	"io"
	"os"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/words"
)

var gcHeading = []string{"NAME", "SIZE", "AGE", "ACTION", "REASON"}

// gcPrinter prints a row for each queue, or an object. The output may block for ever; a signal
// ends that.
type gcPrinter struct {
	hold   *pump.Hold
	json   bool
	headed bool
	widths report.ColumnWidths
}

// printer returns a printer of what is done with the queues of that list. The names say how wide
// their column is; the others are as wide as what mostly stands there.
func (f *gcFlags) printer(h *pump.Hold, entries []shmq.Entry) *gcPrinter {
	rows := [][]string{gcHeading}
	for _, e := range entries {
		rows = append(rows, []string{e.Name, "1000.0 MB", "365d", "would remove", ""})
	}
	return &gcPrinter{hold: h, json: f.json, widths: report.Widths(rows)}
}

func (p *gcPrinter) print(g garbage) error {
	if p.json {
		return p.outside(func() error { return report.Line(os.Stdout, g) })
	}
	size, age := "-", "-"
	if g.Size > 0 {
		size, age = words.Bytes(g.Size), words.Age(time.Duration(g.Age)*time.Second)
	}
	return p.rows([]string{g.Name, size, age, g.Action, g.Reason})
}

// end prints the heading where no queue was.
func (p *gcPrinter) end() error {
	if p.json {
		return nil
	}
	return p.rows()
}

func (p *gcPrinter) rows(rows ...[]string) error {
	text := ""
	if !p.headed {
		text, p.headed = p.widths.Row(gcHeading), true
	}
	for _, row := range rows {
		text += p.widths.Row(row)
	}
	return p.outside(func() error {
		_, err := io.WriteString(os.Stdout, text)
		return exit.Output(err)
	})
}

func (p *gcPrinter) outside(write func() error) (err error) {
	p.hold.Outside(func() { err = write() })
	return err
}
