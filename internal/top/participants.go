package top

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/flow"
	"github.com/shmq/shmq/internal/watch"
	"github.com/shmq/shmq/internal/words"
)

// participantTable returns the columns of the table of participants. A wide screen has
// room for two more, and for more of what they hold.
func (m *model) participantTable() table {
	t := table{
		{"SEAT", 4, true}, {"ROLE", 8, false}, {"PID", 7, true}, {"COMMAND", 10, false}, {"IS", 6, false},
		{"HOLDS", 18 + min(max(0, m.columns-80), 20), false}, {"FOR", 6, true}, {"REC/s", 6, true}, {"BYTES/s", 7, true},
	}
	if m.columns >= 110 {
		t = append(t, column{"WAITS/s", 7, true}, column{"RECORDS", 9, true})
	}
	return t
}

// participantLines is the table of participants, with its heading.
func (m *model) participantLines(l *watch.Look) []line {
	if len(l.Info.Participants) == 0 {
		return []line{{"nobody is attached", plain}}
	}
	t := m.participantTable()
	lines := []line{{t.heading(), heading}}
	for _, p := range m.participants(l) {
		lines = append(lines, m.participantRow(t, &p))
	}
	return lines
}

func (m *model) participantRow(t table, p *attached) line {
	is, st := words.State(&p.Participant), plain
	if is != "" {
		st = alarm
	}
	if is == "stopped" {
		is = "stop" // the column is of six
	}
	age := "-"
	if !p.HeldSince.IsZero() {
		age = ageText(m.now.Sub(p.HeldSince))
	}
	records, bytes, waits := "-", "-", "-"
	if p.rates != nil {
		records, bytes, waits = cells.Short(p.rates.Records), cells.Short(p.rates.Bytes), cells.Short(p.rates.Waits)
	}
	return line{t.row(fmt.Sprint(p.Seat), p.Role.String(), fmt.Sprint(p.PID), cells.Clean(p.Command, m.ascii), is,
		cmp.Or(m.texts.Holds(&p.Participant), "-"), age, records, bytes, waits, fmt.Sprint(p.Records)), st}
}

// attached is a participant with what it did since the last look, nil if not known.
type attached struct {
	shmq.Participant
	rates *flow.Rates
}

// rate is what the order by rate goes by.
func (a *attached) rate() float64 {
	if a.rates == nil {
		return 0
	}
	return a.rates.Records
}

// since is what the order by age goes by: a participant that holds nothing comes last.
func (a *attached) since() int64 {
	if a.HeldSince.IsZero() {
		return math.MaxInt64
	}
	return a.HeldSince.UnixNano()
}

// participants returns those attached in the order that was asked for.
func (m *model) participants(l *watch.Look) []attached {
	var all []attached
	for _, p := range l.Info.Participants {
		all = append(all, attached{p, l.RatesOf(&p)})
	}
	slices.SortStableFunc(all, func(a, b attached) int {
		c := 0
		switch m.seats.by {
		case "r":
			c = cmp.Compare(b.rate(), a.rate())
		case "a":
			c = cmp.Compare(a.since(), b.since())
		}
		return m.seats.turn(cmp.Or(c, cmp.Compare(a.Seat, b.Seat)))
	})
	return all
}

// scroll returns n lines of a table: its heading and those from firstSeat on.
func (m *model) scroll(lines []line, n int) []line {
	if n < 1 {
		return nil
	}
	rows := lines[1:]
	m.firstSeat = max(0, min(m.firstSeat, len(rows)-(n-1)))
	return append(lines[:1:1], rows[m.firstSeat:min(len(rows), m.firstSeat+n-1)]...)
}
