package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// The page holds the tables between these two lines; the rest of it is written by hand.
const (
	pagePath  = "../../docs/records.md"
	pageBegin = "<!-- Written by `go run . -update` in tests/interop, from here -->\n"
	pageEnd   = "<!-- to here -->\n"
)

// markdown is the part of the page that is made of tables.
func markdown(values []sent, tables []table) string {
	var out strings.Builder
	out.WriteString("## At a glance\n\nHow many values of a kind arrive as they were sent, and come back to Go the same.\n\n")
	overview(&out, values, tables)
	out.WriteString("\n## What a Go value becomes\n\nOne value of each type, and the record that it is sent as.\n\n")
	row(&out, "value", "Go type", "record")
	row(&out, "---", "---", "---")
	shown := map[string]bool{}
	for _, v := range values {
		if key := v.kind + " " + v.goType; !shown[key] {
			shown[key] = true
			row(&out, v.name, code(v.goType), code(v.text()))
		}
	}
	for _, t := range tables {
		t.markdown(&out)
	}
	return out.String()
}

func overview(out *strings.Builder, values []sent, tables []table) {
	all := kinds(values)
	head, line := []string{"library"}, []string{"---"}
	for _, k := range all {
		head, line = append(head, k), append(line, "---")
	}
	row(out, head...)
	row(out, line...)
	for _, t := range tables {
		cells := []string{fmt.Sprintf("[%s](#%s)", t.peer.title(), t.peer.anchor())}
		for _, k := range all {
			exact, total := 0, 0
			for _, r := range t.sent {
				if r.kind == k {
					total++
					if r.exact() {
						exact++
					}
				}
			}
			switch exact {
			case total:
				cells = append(cells, "all")
			case 0:
				cells = append(cells, "none")
			default:
				cells = append(cells, fmt.Sprintf("%d of %d", exact, total))
			}
		}
		row(out, cells...)
	}
}

func (p peer) title() string {
	s := p.language + ", " + p.library
	if p.use != "" {
		s += ", " + p.use
	}
	return s
}

// anchor is the title as GitHub makes an anchor of a heading.
func (p peer) anchor() string {
	var out strings.Builder
	for _, c := range strings.ToLower(p.title()) {
		switch {
		case c == ' ':
			out.WriteByte('-')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			out.WriteRune(c)
		}
	}
	return out.String()
}

func (t table) markdown(out *strings.Builder) {
	fmt.Fprintf(out, "\n## %s\n\n", t.peer.title())
	fmt.Fprintf(out, "Version %s: %s. %s\n\n", t.peer.version, t.peer.setup, t.peer.note)
	file := "../tests/interop/" + goldenPath(t.peer)

	var others groups[sentRow]
	for _, r := range t.sent {
		if !r.exact() {
			others.add(r, r.kind, outcome(r.arrived), outcome(r.back), outcome(r.read))
		}
	}
	if others.rows == 0 {
		fmt.Fprintf(out, "All [%d values](%s) arrive as they were sent, and come back the same.\n", len(t.sent), file)
	} else {
		fmt.Fprintf(out, "Of [%d values](%s) %d arrive as they were sent, and come back the same. The others:\n\n",
			len(t.sent), file, len(t.sent)-others.rows)
		row(out, "sent from Go", "as", "arrives as", "sent back as", "which Go reads as")
		row(out, "---", "---", "---", "---", "---")
		for _, g := range others.list {
			r := g.rows[0]
			row(out, g.names(func(r sentRow) string { return r.name }), code(r.text), code(r.arrived), code(r.back), code(r.read))
		}
	}

	var wrong groups[writtenRow]
	for _, r := range t.written {
		if !r.exact() {
			wrong.add(r, r.goType, outcome(r.text), outcome(r.read), outcome(r.any))
		}
	}
	if wrong.rows == 0 {
		fmt.Fprintf(out, "\nAll %d values that are written there are read by Go as what they were.\n", len(t.written))
		return
	}
	fmt.Fprintf(out, "\nOf %d values that are written there Go reads %d as what they were. The others:\n\n", len(t.written), len(t.written)-wrong.rows)
	row(out, "written there", "as", "in a field of type", "Go reads", "in an `any`")
	row(out, "---", "---", "---", "---", "---")
	for _, g := range wrong.list {
		r := g.rows[0]
		row(out, g.names(func(r writtenRow) string { return r.name }), code(r.text), code(r.goType), code(r.read), code(r.any))
	}
}

// groups are rows put together that come to the same; the first of each stands
// for the others.
type groups[R any] struct {
	rows int
	list []*group[R]
}

type group[R any] struct {
	key  string
	rows []R
}

func (gs *groups[R]) add(r R, key ...string) {
	gs.rows++
	k := strings.Join(key, "\t")
	for _, g := range gs.list {
		if g.key == k {
			g.rows = append(g.rows, r)
			return
		}
	}
	gs.list = append(gs.list, &group[R]{k, []R{r}})
}

func (g *group[R]) names(name func(R) string) string {
	if n := len(g.rows); n > 3 {
		return fmt.Sprintf("%s, and %d more", name(g.rows[0]), n-1)
	}
	var out []string
	for _, r := range g.rows {
		out = append(out, name(r))
	}
	return strings.Join(out, "; ")
}

var digits = regexp.MustCompile("[0-9]+")

// outcome is what a text comes to: nothing, the same, some error or another value.
func outcome(s string) string {
	switch {
	case s == "" || s == same:
		return s
	case strings.HasPrefix(s, "refused: "):
		kind, _, _ := strings.Cut(s[len("refused: "):], ":")
		return "refused: " + digits.ReplaceAllString(kind, "")
	}
	return "other"
}

func row(out *strings.Builder, cells ...string) {
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
}

// code puts a text into a cell; what is the same needs none.
func code(s string) string {
	switch s {
	case "":
		return ""
	case same:
		return "the same"
	}
	if rest, ok := strings.CutPrefix(s, "refused: "); ok {
		return "refused: " + code(cut(rest))
	}
	s = strings.NewReplacer("|", `\|`, "`", "'").Replace(shorten(s))
	return "`" + s + "`"
}

// cut keeps the start of a message.
func cut(s string) string {
	const most = 110
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// splitPage returns what stands before, between and after the two lines.
func splitPage() (before, between, after []byte, err error) {
	page, err := os.ReadFile(pagePath)
	if err != nil {
		return nil, nil, nil, err
	}
	before, rest, ok1 := bytes.Cut(page, []byte(pageBegin))
	between, after, ok2 := bytes.Cut(rest, []byte(pageEnd))
	if !ok1 || !ok2 {
		return nil, nil, nil, fmt.Errorf("%s: no place for the tables between %q and %q", pagePath, pageBegin, pageEnd)
	}
	return before, between, after, nil
}
