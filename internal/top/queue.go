package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/flow"
)

// queueLines shows one queue closely.
func (m *model) queueLines(l *look) []line {
	clock := m.now.Format("15:04:05")
	if l.err != nil {
		return []line{{ends("queue "+clean(l.name, m.ascii), clock, m.columns), heading}, {m.texts.Reason(l.err), alarm}}
	}
	i := l.info
	shape := fmt.Sprintf("queue %s: %d slots of %d bytes, %v to %v", clean(l.name, m.ascii), i.Slots, i.SlotSize, i.Producers, i.Consumers)
	lines := []line{
		{ends(shape, clock, m.columns), heading},
		{fmt.Sprintf("depth     %d slots, %d%%; head %d, tail %d, skipped %d", i.Depth, int(100*l.use()), i.Head, i.Tail, i.Skipped), plain},
		{m.recordsText(l), plain},
		{flowText("sent", l.flow, func(f *flow.Flow) flow.Rates { return f.Sent }), plain},
		{flowText("received", l.flow, func(f *flow.Flow) flow.Rates { return f.Received }), plain},
	}
	lines = append(lines, m.depthGraph(l)...)
	var warned []line
	for _, w := range m.warnings(l) {
		for _, text := range wrap(w, m.columns) {
			warned = append(warned, line{text, warning})
		}
	}
	who := m.whoLines(l)
	if m.rows > 0 {
		room := max(0, m.rows-1-len(lines))
		warned = warned[:min(len(warned), max(room/2, room-len(who)))]
		who = m.scroll(who, room-len(warned))
		for range room - len(warned) - len(who) {
			who = append(who, line{})
		}
	} else if len(warned) > 0 {
		who = append(who, line{})
	}
	return append(append(lines, who...), warned...)
}

// recordsText says what is in the slots, and how long ago that was if it is not of now.
func (m *model) recordsText(l *look) string {
	if l.walked.IsZero() {
		return "records   not counted yet"
	}
	i := l.info
	when := ""
	if age := m.now.Sub(l.walked); age > 2*m.interval && age > 2*time.Second {
		when = ageText(age) + " ago: "
	}
	return fmt.Sprintf("records   %s%d waiting, %d being written, %d being read, %d to be delivered again", when, i.Records, i.Claimed, i.Leased, i.Orphans)
}

func flowText(what string, f *flow.Flow, of func(*flow.Flow) flow.Rates) string {
	if f == nil {
		return left(what, 10) + "-"
	}
	r := of(f)
	return fmt.Sprintf("%s%s records/s, %s bytes/s, %s waits/s, %s wakes/s", left(what, 10), rateText(r.Records, f), short(r.Bytes), short(r.Waits), short(r.Wakes))
}

// rateText is a rate, with a + if it may be more.
func rateText(v float64, f *flow.Flow) string {
	if f.Unseen > 0 {
		return short(v) + "+"
	}
	return short(v)
}

// depthGraph is the depth over the last looks, the newest at the right.
func (m *model) depthGraph(l *look) (lines []line) {
	const label = 10
	height := 4
	if m.rows > 0 {
		height = min(max((m.rows-12)/3, 1), 8)
	}
	depths := m.history[l.name].depths
	n := max(m.columns-label, 1)
	for y, row := range graph(depths, l.info.Slots, n, height, m.ascii) {
		name := ""
		switch {
		case height == 1:
			name = "history"
		case y == 0:
			name = short(float64(l.info.Slots))
		case y == height-1:
			name = "0"
		}
		lines = append(lines, line{left(name, label-1) + "|" + row, plain})
	}
	return lines
}

// whoLines is the table of participants, with its heading.
func (m *model) whoLines(l *look) []line {
	if len(l.info.Participants) == 0 {
		return []line{{"nobody is attached", plain}}
	}
	more := m.columns >= 110
	holds := 18
	if extra := m.columns - 80; extra > 0 {
		holds += min(extra, 20)
	}
	text := func(seat, role, pid, command, is, held, age, records, bytes, waits, total string) string {
		cols := []string{right(seat, 4), left(role, 8), right(pid, 7), left(command, 10), left(is, 4), left(held, holds), right(age, 6), right(records, 6), right(bytes, 7)}
		if more {
			cols = append(cols, right(waits, 7), right(total, 9))
		}
		return strings.Join(cols, " ")
	}
	lines := []line{{text("SEAT", "ROLE", "PID", "COMMAND", "IS", "HOLDS", "FOR", "REC/s", "BYTES/s", "WAITS/s", "RECORDS"), heading}}
	for _, p := range m.participants(l) {
		is, st := "", plain
		switch {
		case !p.Alive:
			is, st = "dead", alarm
		case p.Stopped:
			is, st = "stop", alarm
		}
		age := "-"
		if !p.HeldSince.IsZero() {
			age = ageText(m.now.Sub(p.HeldSince))
		}
		held := m.texts.Holds(&p.Participant)
		if held == "" {
			held = "-"
		}
		records, bytes, waits := "-", "-", "-"
		if p.rates != nil {
			records, bytes, waits = short(p.rates.Records), short(p.rates.Bytes), short(p.rates.Waits)
		}
		lines = append(lines, line{text(fmt.Sprint(p.Seat), p.Role.String(), fmt.Sprint(p.PID), clean(p.Command, m.ascii), is, held, age,
			records, bytes, waits, fmt.Sprint(p.Records)), st})
	}
	return lines
}

// attached is a participant with what it did since the last look, nil if not known.
type attached struct {
	shmq.Participant
	rates *flow.Rates
}

// participants returns those attached in the order that was asked for.
func (m *model) participants(l *look) []attached {
	var all []attached
	for _, p := range l.info.Participants {
		a := attached{Participant: p}
		if l.flow != nil {
			for n := range l.flow.Participants {
				if f := &l.flow.Participants[n]; f.Seat == p.Seat && f.PID == p.PID && f.Change != flow.Left {
					a.rates = &f.Rates
				}
			}
		}
		all = append(all, a)
	}
	rate := func(a attached) float64 {
		if a.rates == nil {
			return 0
		}
		return a.rates.Records
	}
	since := func(a attached) int64 {
		if a.HeldSince.IsZero() {
			return 1<<63 - 1
		}
		return a.HeldSince.UnixNano()
	}
	slices.SortStableFunc(all, func(a, b attached) int {
		c := 0
		switch m.sortWho {
		case "r":
			c = cmp.Compare(rate(b), rate(a))
		case "a":
			c = cmp.Compare(since(a), since(b))
		}
		if c == 0 {
			c = cmp.Compare(a.Seat, b.Seat)
		}
		if m.turnedWho {
			c = -c
		}
		return c
	})
	return all
}

// scroll returns n lines of a table: its heading and those from firstWho on.
func (m *model) scroll(table []line, n int) []line {
	if n < 1 {
		return nil
	}
	rows := table[1:]
	m.firstWho = max(0, min(m.firstWho, len(rows)-(n-1)))
	return append(table[:1:1], rows[m.firstWho:min(len(rows), m.firstWho+n-1)]...)
}

// ageText prints a duration in at most six columns: 12s, 3m12s, 2h05m, 4d03h.
func ageText(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}
