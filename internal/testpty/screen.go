//go:build linux

package testpty

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// screen follows the sequences of a VT that a simple program uses. Sequences that it does not
// know it notes.
type screen struct {
	columns, rows int
	cells         [][]rune
	x, y          int
	rest          []byte // of a sequence or character that is not complete
	main          [][]rune
	frozen        string // what is shown while the next frame is written
	modes         Modes
}

func newScreen(columns, rows int, old *screen) *screen {
	s := &screen{columns: columns, rows: rows, cells: blank(columns, rows), main: blank(columns, rows)}
	if old != nil {
		s.modes = old.modes
	}
	return s
}

func blank(columns, rows int) [][]rune {
	cells := make([][]rune, rows)
	for y := range cells {
		cells[y] = []rune(strings.Repeat(" ", columns))
	}
	return cells
}

func (s *screen) String() string {
	if s.frozen != "" {
		return s.frozen
	}
	var b strings.Builder
	for _, row := range s.cells {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return b.String()
}

func (s *screen) write(b []byte) {
	s.rest = append(s.rest, b...)
	for len(s.rest) > 0 {
		n := s.one(s.rest)
		if n == 0 {
			return
		}
		s.rest = s.rest[n:]
	}
}

// one takes a character or sequence and returns its length, 0 if it is not complete.
func (s *screen) one(b []byte) int {
	switch b[0] {
	case '\r':
		s.x = 0
		return 1
	case '\n':
		s.newline()
		return 1
	case 0x1b:
		return s.escape(b)
	}
	if !utf8.FullRune(b) {
		return 0
	}
	r, n := utf8.DecodeRune(b)
	if r < ' ' || r == utf8.RuneError {
		s.modes.Unknown = append(s.modes.Unknown, strconv.Quote(string(b[:n])))
		return n
	}
	if s.x >= s.columns {
		if s.modes.NoWrap {
			s.x = s.columns - 1
		} else {
			s.x = 0
			s.newline()
		}
	}
	s.cells[s.y][s.x] = r
	s.x++
	return n
}

func (s *screen) newline() {
	if s.y++; s.y == s.rows {
		s.y--
		s.cells = append(s.cells[1:], blank(s.columns, 1)...)
	}
}

func (s *screen) escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	end := 2
	for ; b[1] == '['; end++ {
		if end == len(b) {
			return 0
		}
		if b[end] >= '@' && b[end] <= '~' {
			break
		}
	}
	if b[1] != '[' || !s.control(string(b[2:end]), b[end]) {
		s.modes.Unknown = append(s.modes.Unknown, strconv.Quote(string(b[:min(end+1, len(b))])))
	}
	return min(end+1, len(b))
}

// control does what ESC [ args final says, and returns false if it does not know it.
func (s *screen) control(args string, final byte) bool {
	switch final {
	case 'H':
		row, col, _ := strings.Cut(args, ";")
		y, _ := strconv.Atoi(row)
		x, _ := strconv.Atoi(col)
		s.y, s.x = min(max(y, 1), s.rows)-1, min(max(x, 1), s.columns)-1
	case 'K':
		s.clear(s.y, min(s.x, s.columns-1)) // behind a full line it stands on its last
		return args == ""
	case 'J':
		first := s.y + 1
		switch args {
		case "":
			s.clear(s.y, min(s.x, s.columns-1))
		case "2":
			first = 0
		default:
			return false
		}
		for y := first; y < s.rows; y++ {
			s.clear(y, 0)
		}
	case 'm':
		n, err := strconv.Atoi("0" + args)
		s.modes.Colors = s.modes.Colors || n >= 30
		return err == nil
	case 'h', 'l':
		return s.mode(args, final == 'h')
	default:
		return false
	}
	return true
}

func (s *screen) clear(y, from int) {
	for x := from; x < s.columns; x++ {
		s.cells[y][x] = ' '
	}
}

func (s *screen) mode(name string, on bool) bool {
	switch name {
	case "?1049":
		if on && !s.modes.Alternate {
			s.main, s.cells = s.cells, blank(s.columns, s.rows)
		} else if !on && s.modes.Alternate {
			s.cells = s.main
		}
		s.modes.Alternate = on
	case "?7":
		s.modes.NoWrap = !on
	case "?2026": // what comes in between is to be shown at its end
		s.frozen = ""
		if on {
			s.frozen = s.String()
		}
	case "?25":
		s.modes.HiddenCursor = !on
	default:
		return false
	}
	return true
}
