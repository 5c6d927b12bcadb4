package top

import (
	"fmt"
	"strings"

	"github.com/shmq/shmq"
)

// warnRows is how many lines of warnings of the chosen queue stand below the list.
const warnRows = 3

// frame returns the lines of the screen, from the top.
func (m *model) frame() []line {
	var lines []line
	var foot string
	l := m.chosen()
	switch {
	case m.help:
		lines, foot = helpLines(), "any key goes back"
	case m.closer && l != nil:
		lines, foot = m.queueLines(l), "Esc back  up/down scroll  order: n seat  r rate  a held  ? help  q quit"
	default:
		lines, foot = m.listLines(), "up/down choose  Enter look closer  order: n d u r w  ? help  q quit"
	}
	for i := range lines {
		lines[i].text = strings.TrimRight(cut(clean(lines[i].text, m.ascii), m.columns), " ")
	}
	if m.rows == 0 {
		return lines
	}
	if !m.keys {
		return lines[:min(len(lines), m.rows)]
	}
	lines = lines[:min(len(lines), m.rows-1)]
	for len(lines) < m.rows-1 {
		lines = append(lines, line{})
	}
	return append(lines, line{cut(foot, m.columns), plain})
}

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

// listColumns are the widths that depend on the screen.
type listColumns struct{ name, graph, state int }

func (m *model) listColumns() listColumns {
	c := listColumns{name: 15, graph: 8, state: 16}
	extra := max(0, m.columns-80)
	c.name += min(extra/3, 32)
	c.graph += min(extra/3, 40)
	c.state += extra - min(extra/3, 32) - min(extra/3, 40)
	return c
}

func (m *model) listLines() []line {
	count := fmt.Sprintf("shmq top - %d queue", len(m.looks))
	if len(m.looks) != 1 {
		count += "s"
	}
	lines := []line{
		{ends(count+" in "+m.place, fmt.Sprintf("every %v  %s", m.interval, m.now.Format("15:04:05")), m.columns), plain},
		{m.listHeading(), heading},
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
		lines = append(lines, m.listRow(&m.looks[i]))
	}
	return append(lines, m.listWarnings(n)...)
}

// listWarnings are those of the chosen queue, at the bottom of the screen; where there
// is no bottom, those of all.
func (m *model) listWarnings(n int) (lines []line) {
	add := func(l *look, limit int) {
		for _, w := range m.warnings(l) {
			for _, text := range wrap(l.name+": "+w, m.columns) {
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

func (m *model) listHeading() string {
	c := m.listColumns()
	mark := func(k key, s string) string {
		if m.sort == k {
			return "*" + s
		}
		return s
	}
	return m.listText(c, "  ", mark("n", "NAME"), mark("d", "DEPTH"), mark("u", "USE"), "HISTORY", mark("r", "SENT/s"), "RECV/s", "SND", "RCV", mark("w", "STATE"))
}

func (m *model) listText(c listColumns, mark, name, depth, use, graph, sent, received, senders, receivers, state string) string {
	return mark + strings.Join([]string{
		left(name, c.name), right(depth, 7), right(use, 4), left(graph, c.graph),
		right(sent, 7), right(received, 7), right(senders, 3), right(receivers, 3), left(state, c.state),
	}, " ")
}

func (m *model) listRow(l *look) line {
	c := m.listColumns()
	mark, st := "  ", plain
	if l.name == m.at && m.keys {
		mark, st = "> ", chosen
	}
	name := clean(l.name, m.ascii)
	if l.err != nil {
		if st == plain {
			st = alarm
		}
		return line{mark + left(name, c.name) + " " + m.texts.Reason(l.err), st}
	}
	i := l.info
	sent, received := "-", "-"
	if l.flow != nil {
		sent, received = short(l.flow.Sent.Records), short(l.flow.Received.Records)
	}
	state, bad := m.state(i)
	if bad && st == plain {
		st = warning
	}
	return line{m.listText(c, mark, name, short(float64(i.Depth)), fmt.Sprintf("%d%%", int(100*l.use())),
		graph(m.history[l.name].depths, i.Slots, c.graph, 1, m.ascii)[0], sent, received,
		fmt.Sprint(alive(i, shmq.Producer)), fmt.Sprint(alive(i, shmq.Consumer)), state), st}
}

// state says in a word or two how a queue is, and whether that should be looked at.
func (m *model) state(i *shmq.Info) (text string, bad bool) {
	dead, stopped := 0, 0
	for _, p := range i.Participants {
		switch {
		case !p.Alive:
			dead++
		case p.Stopped:
			stopped++
		}
	}
	var parts []string
	if i.Full {
		parts = append(parts, "full")
	}
	if stopped > 0 {
		parts = append(parts, fmt.Sprintf("%d stopped", stopped))
	}
	if dead > 0 {
		parts = append(parts, fmt.Sprintf("%d dead", dead))
	}
	if i.Depth > 0 && alive(i, shmq.Consumer) == 0 {
		parts = append(parts, "no consumer")
	}
	if len(parts) > 0 {
		return strings.Join(parts, " "), true
	}
	if i.Finished {
		return "finished", false
	}
	return "", false
}

// alive counts the living participants of a role.
func alive(i *shmq.Info, role shmq.Role) (n int) {
	for _, p := range i.Participants {
		if p.Alive && p.Role == role {
			n++
		}
	}
	return n
}

func helpLines() (lines []line) {
	for i, text := range strings.Split(strings.TrimSpace(helpText), "\n") {
		st := plain
		if i == 0 {
			st = heading
		}
		lines = append(lines, line{text, st})
	}
	return lines
}

const helpText = `
shmq top - help
up, down, j, k    choose a queue; page up and down, home (g) and end (G) too
Enter, right, l   look closer at the chosen queue
Esc, left         go back to the list
n d u r w         order of queues: name, depth in slots, use in percent,
                  rate of records in and out, warnings; again: turned round
n r a             order of participants: seat, rate, age of what they hold
q, Ctrl-C         quit; Ctrl-Z suspends

DEPTH    slots between head and tail       HISTORY  depth, a mark a look
SENT/s   records of all senders            RECV/s   records acknowledged
SND RCV  living senders and receivers      STATE    what to look at first
A + after a rate: somebody came and went between the looks, so it may be more.
It only looks: no seat, no lock, and the participants do not notice. The
records, HOLDS and the like need a walk over the slots, so they are counted for
the queue that you look at, and less often where it is very large.
`
