package top

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/shmq/shmq/internal/watch"
)

// live is the view on a terminal.
type live struct {
	model     *model
	collector *watch.Collector
	player    *player // of a recording, instead of the collector
	options   Options
	in, out   *os.File

	restore func() error // the terminal's modes; nil while they are its own
	pending string       // what may be the beginning of a key
	suspend func() error // for Ctrl-Z
}

// escapeTime is how long the rest of a key may take to follow its escape.
const escapeTime = 50 * time.Millisecond

// look looks at the queues. The one that is looked at closely gets more.
func (l *live) look() {
	m := l.model
	looks, err := l.collector.Look(func(name string) bool { return m.closer && name == m.at })
	m.looked(looks, err, time.Now())
}

// typed takes what was typed. It returns true to quit.
func (l *live) typed(in string, end bool) (quit bool, err error) {
	keys, rest := parseKeys(l.pending+in, end)
	l.pending = rest
	for _, k := range keys {
		if k == keyCtrlZ {
			if err := l.suspend(); err != nil {
				return false, err
			}
			continue
		}
		if l.player != nil {
			if mine, err := l.player.press(k); mine || err != nil {
				if err != nil {
					return false, err
				}
				continue
			}
		}
		was := l.model.closer
		if l.model.press(k) {
			return true, nil
		}
		if q := l.model.chosen(); q != nil && l.model.closer && !was && l.collector != nil {
			l.collector.Walk(q)
		}
	}
	return false, nil
}

// codes start the styles, with colours and without. Their end is codeEnd.
var (
	colorCodes = [...]string{plain: "", heading: "\x1b[1m", chosen: "\x1b[7m", warning: "\x1b[33m", alarm: "\x1b[31m"}
	plainCodes = [...]string{plain: "", heading: "\x1b[1m", chosen: "\x1b[7m", warning: "", alarm: ""}
)

const (
	codeEnd = "\x1b[m"
	// An own screen, lines that end where they end, no cursor, all empty; and back.
	codesEnter = "\x1b[?1049h\x1b[?7l\x1b[?25l\x1b[2J"
	// The text between these is shown at once, by terminals that know them.
	codeFrame, codeFrameEnd = "\x1b[?2026h", "\x1b[?2026l"
	codesLeave              = "\x1b[?25h\x1b[?7h\x1b[?1049l"
)

// draw writes the frame.
func (l *live) draw() error {
	var b strings.Builder
	codes := &plainCodes
	if l.options.Color {
		codes = &colorCodes
	}
	if !l.options.Dumb {
		b.WriteString(codeFrame)
	}
	for i, line := range l.model.frame() {
		if l.options.Dumb {
			b.WriteString(line.text + "\n")
			continue
		}
		// Emptied first: behind a full line that would take its last character.
		fmt.Fprintf(&b, "\x1b[%d;1H\x1b[K", i+1)
		if code := codes[line.style]; code != "" {
			b.WriteString(code + line.text + codeEnd)
		} else {
			b.WriteString(line.text)
		}
	}
	if !l.options.Dumb {
		b.WriteString(codeFrameEnd)
	}
	_, err := l.out.WriteString(b.String())
	return err
}
