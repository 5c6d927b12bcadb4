package top

import (
	"fmt"
	"time"

	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/flow"
	"github.com/shmq/shmq/internal/watch"
)

// queueLines shows one queue closely.
func (m *model) queueLines(l *watch.Look) []line {
	clock := m.now.Format("15:04:05")
	if l.Err != nil {
		return []line{{cells.Ends("queue "+cells.Clean(l.Name, m.ascii), clock, m.columns), heading}, {m.texts.Reason(l.Err), alarm}}
	}
	i := l.Info
	shape := fmt.Sprintf("queue %s: %d slots of %d bytes, %v to %v", cells.Clean(l.Name, m.ascii), i.Slots, i.SlotSize, i.Producers, i.Consumers)
	lines := []line{
		{cells.Ends(shape, clock, m.columns), heading},
		{fmt.Sprintf("depth     %d slots, %d%%; head %d, tail %d, skipped %d", i.Depth, int(100*l.Use()), i.Head, i.Tail, i.Skipped), plain},
		{m.recordsText(l), plain},
		{flowText("sent", l.Flow, func(f *flow.Flow) flow.Rates { return f.Sent }), plain},
		{flowText("received", l.Flow, func(f *flow.Flow) flow.Rates { return f.Received }), plain},
	}
	lines = append(lines, subscriptionLines(l, m.ascii)...)
	lines = append(lines, m.depthGraph(l)...)
	var warned []line
	for _, w := range m.warnings(l) {
		for _, text := range cells.Wrap(w, m.columns) {
			warned = append(warned, line{text, warning})
		}
	}
	seats := m.participantLines(l)
	if m.rows > 0 {
		room := max(0, m.rows-1-len(lines))
		warned = warned[:min(len(warned), max(room/2, room-len(seats)))]
		seats = m.scroll(seats, room-len(warned))
		for range room - len(warned) - len(seats) {
			seats = append(seats, line{})
		}
	} else if len(warned) > 0 {
		seats = append(seats, line{})
	}
	return append(append(lines, seats...), warned...)
}

// recordsText says what is in the slots, and how old that is if it is not of now.
func (m *model) recordsText(l *watch.Look) string {
	if l.Walked.IsZero() {
		return "records   not counted yet"
	}
	i := l.Info
	when := ""
	if age := m.now.Sub(l.Walked); age > 2*m.interval && age > 2*time.Second {
		when = ageText(age) + " ago: "
	}
	oldest := ""
	if !i.OldestSent.IsZero() {
		oldest = ", the oldest for " + ageText(m.now.Sub(i.OldestSent))
	}
	return fmt.Sprintf("records   %s%d waiting, %d to be delivered again%s, %d being read, %d being written", when, i.Records, i.Orphans, oldest, i.Leased, i.Claimed)
}

func flowText(what string, f *flow.Flow, of func(*flow.Flow) flow.Rates) string {
	if f == nil {
		return cells.Left(what, 10) + "-"
	}
	r := of(f)
	return fmt.Sprintf("%s%s records/s, %s bytes/s, %s waits/s, %s wakes/s", cells.Left(what, 10), rateText(r.Records, f), cells.Short(r.Bytes), cells.Short(r.Waits), cells.Short(r.Wakes))
}

// rateText is a rate, with a + if it may be more.
func rateText(v float64, f *flow.Flow) string {
	if f.Unseen > 0 {
		return cells.Short(v) + "+"
	}
	return cells.Short(v)
}

// depthGraph is the depth over the last looks, the newest at the right.
func (m *model) depthGraph(l *watch.Look) (lines []line) {
	const label = 10
	height := 4
	if m.rows > 0 {
		height = min(max((m.rows-12)/3, 1), 8)
	}
	depths := m.history[l.Name].depths
	n := max(m.columns-label, 1)
	for y, row := range graph(depths, l.Info.Slots, n, height, m.ascii) {
		name := ""
		switch {
		case height == 1:
			name = "history"
		case y == 0:
			name = cells.Short(float64(l.Info.Slots))
		case y == height-1:
			name = "0"
		}
		lines = append(lines, line{cells.Left(name, label-1) + "|" + row, plain})
	}
	return lines
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
