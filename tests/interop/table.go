package main

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// same stands for a text that is that of the value which was sent.
const same = "="

// A table is what one peer did with all values.
type table struct {
	peer    peer
	sent    []sentRow
	written []writtenRow
}

type sentRow struct {
	kind, name string
	text       string // what Go sent
	arrived    string // what the peer has
	back       string // what it writes of that
	read       string // what Go reads of what came back, in the type that was sent
}

// exact says that the value arrived as it was sent, and came back so.
func (r sentRow) exact() bool { return r.arrived == same && r.read == same }

type writtenRow struct {
	name   string
	text   string // the bytes
	goType string
	want   string
	read   string // what Go reads, same if it is what is wanted
	any    string // what Go reads into an any, same if it is the text
}

func (r writtenRow) exact() bool { return r.read == same }

func refused(message string) string {
	return "refused: " + tidy(strings.TrimPrefix(message, "!"))
}

var number = regexp.MustCompile(`-?\d+(\.\d+)?(e[+-]\d+)?`)

// numbers writes all numbers in a text as fractions, so that 5 and 5.0 are the
// same: most languages that have one kind of number print it as they like.
func numbers(s string) string {
	return number.ReplaceAllStringFunc(s, func(n string) string {
		r, ok := new(big.Rat).SetString(n)
		if !ok || strings.HasPrefix(n, "-0") {
			return n // -0.0 is a value of its own
		}
		return r.RatString()
	})
}

// makeTable asks a peer and puts what it says beside what was sent.
func makeTable(p peer, cache string, values []sent) (table, error) {
	var bytes [][]byte
	for _, v := range values {
		bytes = append(bytes, v.bytes)
	}
	a, err := p.ask(cache, bytes)
	if err != nil {
		return table{}, err
	}
	if a.version != p.version {
		return table{}, fmt.Errorf("%w: %s %s; there is %s", errAbsent, p.library, p.version, a.version)
	}
	t := table{peer: p}
	for i, v := range values {
		row, err := makeSentRow(v, a.values[i])
		if err != nil {
			return table{}, fmt.Errorf("%s: %w", v.name, err)
		}
		if p.language == "Lua" {
			row.read = withoutPath(row.read)
		}
		t.sent = append(t.sent, row)
	}
	for _, w := range a.written {
		row, err := makeWrittenRow(w)
		if err != nil {
			return table{}, fmt.Errorf("%s: %w", w.name, err)
		}
		t.written = append(t.written, row)
	}
	return t, nil
}

// withoutPath leaves out of a refusal which field it is about. Lua writes the fields of a
// map in another order in each process, and the first that does not fit is refused.
func withoutPath(read string) string {
	const misfit = "record does not fit the type"
	if i := strings.Index(read, misfit); i >= 0 && strings.HasPrefix(read, "refused: ") {
		return read[:i+len(misfit)]
	}
	return read
}

func makeSentRow(v sent, a answer) (sentRow, error) {
	text := v.text()
	row := sentRow{kind: v.kind, name: v.name, text: text}
	if strings.HasPrefix(a.arrived, "!") {
		row.arrived = refused(a.arrived)
		return row, nil
	}
	if row.arrived = orSame(fromPeer(a.arrived), text); numbers(row.arrived) == numbers(text) {
		row.arrived = same
	}
	if strings.HasPrefix(a.back, "!") {
		row.back = refused(a.back)
		return row, nil
	}
	b, err := hex.DecodeString(a.back)
	if err != nil {
		return row, err
	}
	row.back = orSame(tidyBytes(b), text)
	if again, err := v.read(b); err != nil {
		row.read = refused(err.Error())
	} else {
		row.read = orSame(diagnose(again), text)
	}
	return row, nil
}

func makeWrittenRow(w writing) (writtenRow, error) {
	t, ok := targetOf(w.name)
	if !ok {
		return writtenRow{}, fmt.Errorf("no Go type is known for it: add it to written.go")
	}
	row := writtenRow{name: w.name, goType: t.goType, want: t.want}
	if strings.HasPrefix(w.bytes, "!") {
		row.text = refused(w.bytes)
		if t.want == nothing {
			row.read = same
		}
		return row, nil
	}
	b, err := hex.DecodeString(w.bytes)
	if err != nil {
		return row, err
	}
	row.text = tidyBytes(b)
	if again, err := t.read(b); err != nil {
		row.read = refused(err.Error())
	} else {
		row.read = orSame(diagnose(again), t.want)
	}
	if s, err := readAny(b); err != nil {
		row.any = refused(err.Error())
	} else {
		row.any = orSame(s, row.text)
	}
	return row, nil
}

// tidyBytes is diagnose, without the addresses that Perl makes of keys.
func tidyBytes(b []byte) string {
	return perlAddress.ReplaceAllString(tidy(diagnose(b)), `h'…'`)
}

// perlAddress is a bin of "ARRAY(0x55d6a487c4d8)".
var perlAddress = regexp.MustCompile(`h'4152524159283078[0-9a-f]*29'`)

func orSame(s, text string) string {
	if s == text {
		return same
	}
	return s
}

// golden is the whole table as the file that it is compared with: one row a
// line, its fields separated by tabs.
func (t table) golden() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s %s: %s\n", t.peer.language, t.peer.library, t.peer.version, t.peer.setup)
	fmt.Fprintf(&out, "\nsent from Go\tas\tarrives as\tis sent back as\tand read as\n")
	for _, r := range t.sent {
		fmt.Fprintln(&out, strings.Join([]string{r.name, shorten(r.text), shorten(r.arrived), shorten(r.back), shorten(r.read)}, "\t"))
	}
	fmt.Fprintf(&out, "\nwritten there\tas\tinto\tgives\tinto any\n")
	for _, r := range t.written {
		fmt.Fprintln(&out, strings.Join([]string{r.name, shorten(r.text), r.goType, shorten(r.read), shorten(r.any)}, "\t"))
	}
	return out.String()
}

// kinds are the kinds of values, in the order of the values.
func kinds(values []sent) []string {
	var out []string
	for _, v := range values {
		if !slices.Contains(out, v.kind) {
			out = append(out, v.kind)
		}
	}
	return out
}

// shorten writes a character, or a pair of hex digits or the like, that is
// repeated more than 16 times but once, with the number: "t…(300)".
func shorten(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		unit, n := 1, 1
		for _, u := range []int{1, 2, 3, 6} {
			if k := repeats(s[i:], u); k > 16 {
				unit, n = u, k
				break
			}
		}
		if n > 1 {
			fmt.Fprintf(&out, "%s…(%d)", s[i:i+unit], n)
		} else {
			out.WriteByte(s[i])
		}
		i += unit * n
	}
	return out.String()
}

// repeats returns how often s starts with its first unit bytes.
func repeats(s string, unit int) int {
	n := 0
	for len(s) >= (n+1)*unit && s[n*unit:(n+1)*unit] == s[:unit] {
		n++
	}
	return n
}
