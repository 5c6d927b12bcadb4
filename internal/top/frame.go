package top

import (
	"strings"

	"github.com/shmq/shmq/internal/cells"
)

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
	if m.playing != "" && !m.help {
		foot = m.playing + "  space  , . step  [ ] 1m  - + speed  0-9 jump  ? help  q quit"
	}
	for i := range lines {
		lines[i].text = strings.TrimRight(cells.Cut(cells.Clean(lines[i].text, m.ascii), m.columns), " ")
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
	return append(lines, line{cells.Cut(foot, m.columns), plain})
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
n d u r w         order of queues: name, records, use of the slots in percent,
                  rate of records in and out, warnings; again: turned round
n r a             order of participants: seat, rate, age of what they hold
q, Ctrl-C         quit; Ctrl-Z suspends
of a recording    space pauses; , and . step; [ and ] a minute back and on;
                  - + slower, faster; 0 to 9 jump from its beginning to its end

RECORDS  in the queue, whoever has them    HISTORY  use of the slots, a mark a look
SENT/s   records of all senders            RECV/s   records acknowledged
SND RCV  living senders and receivers      STATE    what to look at first
A + after a rate: a participant came and went between the looks, so it may be
more. shmq top only looks: no seat, no lock, and the participants do not notice.
Records, HOLDS and the like need a walk over the slots, so they are counted for
the queue that you look at, and less often where it is very large.
`
