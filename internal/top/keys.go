package top

import "strings"

// key is a printable key as itself, or one of these.
type key string

const (
	keyUp    key = "up"
	keyDown  key = "down"
	keyLeft  key = "left"
	keyRight key = "right"
	keyHome  key = "home"
	keyEnd   key = "end"
	keyPgUp  key = "page up"
	keyPgDn  key = "page down"
	keyEnter key = "enter"
	keyEsc   key = "escape"
	keyBack  key = "backspace"
	keyCtrlZ key = "ctrl-z"
)

// sequences are what terminals send behind an escape, in both modes of the arrow keys.
var sequences = map[string]key{
	"[A": keyUp, "[B": keyDown, "[C": keyRight, "[D": keyLeft,
	"OA": keyUp, "OB": keyDown, "OC": keyRight, "OD": keyLeft,
	"[H": keyHome, "[F": keyEnd, "OH": keyHome, "OF": keyEnd,
	"[1~": keyHome, "[4~": keyEnd, "[7~": keyHome, "[8~": keyEnd, "[5~": keyPgUp, "[6~": keyPgDn,
}

// parseKeys takes the keys off in and returns what may be the beginning of another. At
// the end of the input, or when nothing follows for a while, an escape is a key itself.
func parseKeys(in string, end bool) (keys []key, rest string) {
	for in != "" {
		switch c := in[0]; {
		case c == 0x1b:
			n := sequenceLen(in)
			if n == 0 && !end {
				return keys, in
			}
			if n == 0 {
				n = 1 // the key itself; what follows it was typed
			}
			if n == 1 {
				keys = append(keys, keyEsc)
			} else if k, ok := sequences[in[1:n]]; ok {
				keys = append(keys, k)
			}
			in = in[n:]
			continue
		case c == '\r' || c == '\n':
			keys = append(keys, keyEnter)
		case c == 0x1a:
			keys = append(keys, keyCtrlZ)
		case c == 0x7f || c == 8:
			keys = append(keys, keyBack)
		case c >= ' ' && c < 0x7f:
			keys = append(keys, key(in[:1]))
		}
		in = in[1:]
	}
	return keys, ""
}

// sequenceLen returns the length of the sequence that in starts with, 1 for an escape
// that begins none, 0 if more has to come to tell.
func sequenceLen(in string) int {
	if len(in) < 2 {
		return 0
	}
	switch in[1] {
	case 'O':
		return min(len(in), 3) / 3 * 3
	case '[':
		i := strings.IndexFunc(in[2:], func(r rune) bool { return r >= '@' && r <= '~' })
		if i < 0 && len(in) < 32 {
			return 0
		}
		return 2 + i + 1
	}
	return 1
}
