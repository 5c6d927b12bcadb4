package top

import (
	"fmt"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/watch"
	"github.com/shmq/shmq/internal/words"
)

// warnRows is how many lines of warnings of the chosen queue stand below the list.
const warnRows = 3

// listRows is how many queues there is room for.
func (m *model) listRows() int {
	if m.rows == 0 {
		return len(m.looks)
	}
	return max(1, m.rows-3-m.warnLines())
}

func (m *model) warnLines() int {
	if m.rows < 12 {
		return min(1, max(0, m.rows-4))
	}
	return warnRows
}

// graphColumn is the index of the column of listTable that has the depth over time.
const graphColumn = 3

// listTable returns the columns of the list. A screen of more than 80 columns gives names,
// graphs and states more room.
func (m *model) listTable() table {
	extra := max(0, m.columns-80)
	names, graphs := min(extra/3, 32), min(extra/3, 40)
	title := func(k key, s string) string {
		if m.queues.by == k {
			return "*" + s
		}
		return s
	}
	return table{
		{title("n", "NAME"), 14 + names, false}, {title("d", "RECORDS"), 8, true}, {title("u", "USE"), 4, true},
		{"HISTORY", 8 + graphs, false}, {title("r", "SENT/s"), 7, true}, {"RECV/s", 6, true},
		{"SND", 3, true}, {"RCV", 3, true}, {title("w", "STATE"), 17 + extra - names - graphs, false},
	}
}

func (m *model) listLines() []line {
	count := fmt.Sprintf("shmq top - %d queue", len(m.looks))
	if len(m.looks) != 1 {
		count += "s"
	}
	t := m.listTable()
	lines := []line{
		{cells.Ends(count+" in "+m.place, m.clock(), m.columns), plain},
		{"  " + t.heading(), heading},
	}
	switch {
	case m.err != nil:
		return append(lines, line{m.texts.Reason(m.err), alarm})
	case len(m.looks) == 0:
		return append(lines, line{"  no queues; a sender or receiver makes one, or: shmq create NAME", plain})
	}
	n, at := m.listRows(), max(m.index(), 0)
	m.first = min(max(m.first, at-n+1), at)        // the chosen one shows
	m.first = max(0, min(m.first, len(m.looks)-n)) // and no row is wasted
	for i := m.first; i < min(m.first+n, len(m.looks)); i++ {
		lines = append(lines, m.listRow(t, &m.looks[i]))
	}
	return append(lines, m.listWarnings(n)...)
}

// clock says of when the list is.
func (m *model) clock() string {
	if m.playing != "" {
		return m.now.Format("2006-01-02 15:04:05")
	}
	return fmt.Sprintf("every %v  %s", m.interval, m.now.Format("15:04:05"))
}

// listWarnings are those of the chosen queue, at the bottom of the screen; where there
// is no bottom, those of all.
func (m *model) listWarnings(n int) (lines []line) {
	add := func(l *watch.Look, limit int) {
		for _, w := range m.warnings(l) {
			for _, text := range cells.Wrap(l.Name+": "+w, m.columns) {
				if limit == 0 {
					return
				}
				limit--
				lines = append(lines, line{text, warning})
			}
		}
	}
	if m.rows == 0 {
		for i := range m.looks {
			add(&m.looks[i], -1)
		}
		if len(lines) > 0 {
			lines = append([]line{{}}, lines...)
		}
		return lines
	}
	for range n - min(n, len(m.looks)) {
		lines = append(lines, line{})
	}
	limit := m.warnLines()
	if l := m.chosen(); l != nil && limit > 0 {
		add(l, limit)
	}
	return lines
}

func (m *model) listRow(t table, l *watch.Look) line {
	mark, st := "  ", plain
	if l.Name == m.at && m.keys {
		mark, st = "> ", chosen
	}
	name := cells.Clean(l.Name, m.ascii)
	if l.Err != nil {
		if st == plain {
			st = alarm
		}
		return line{mark + t[:1].row(name) + " " + m.texts.Reason(l.Err), st}
	}
	i := l.Info
	sent, received := "-", "-"
	if l.Flow != nil {
		sent, received = cells.Short(l.Flow.Sent.Records), cells.Short(l.Flow.Received.Records)
	}
	state, bad := words.QueueState(i)
	if bad && st == plain {
		st = warning
	}
	depths := graph(m.history[l.Name].depths, i.Slots, t[graphColumn].width, 1, m.ascii)[0]
	return line{mark + t.row(name, cells.Short(float64(l.Records())), fmt.Sprintf("%d%%", int(100*l.Use())), depths, sent, received,
		fmt.Sprint(words.Alive(i, shmq.Producer)), fmt.Sprint(words.Alive(i, shmq.Consumer)), state), st}
}
