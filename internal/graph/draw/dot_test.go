package draw_test

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/graph"
)

// meant are names with what DOT, the labels of Graphviz, or HTML have a meaning for.
var meant = []string{
	`"`, `""`, `\`, `\\`, `\"`, `"\`, `end\`, `\N`, `\G`, `\l`, `\r`, `\n`, `a\nb`, "a\nb", "a\r\nb", "\x00", `&lt;`, `&amp;`, `&amp;lt;`, `&#65;`, `&`,
	`<b>x</b>`, `<<b>x</b>>`, `x]; q9 [label="y`, `"; } digraph {`, `{a|b}`, `//x`, `/*x*/`, `#x`, `a->b`, `漢字`, "\xff", "\u202e",
}

// named has a process and a queue of a name, an edge between them, and a place.
func named(name string) *graph.Graph {
	b := newBuilder()
	b.edge(b.process(7, name, graph.Alive), b.queue(graph.Queue{Name: name, Slots: 8}), 1, graph.Alive)
	b.Place = name
	return &b.Graph
}

// unquote returns the lines of a label as Graphviz shows them: of the string first, where
// \" is the only escape, then of the label, then of HTML.
func unquote(t *testing.T, quoted string) (lines []string) {
	t.Helper()
	inner := strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	var line strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			line.WriteByte(inner[i])
			continue
		}
		i++
		require.Less(t, i, len(inner), quoted)
		switch inner[i] {
		case '\\':
			line.WriteByte('\\')
		case 'n':
			lines = append(lines, html.UnescapeString(line.String()))
			line.Reset()
		default:
			require.Fail(t, "an escape that means something", "%s: \\%c", quoted, inner[i])
		}
	}
	return append(lines, html.UnescapeString(line.String()))
}

// Each label shows a name as it is, whatever DOT would take it for.
func TestDOTLabelsShowNames(t *testing.T) {
	t.Parallel()
	label := regexp.MustCompile(`(?m)^\t(?:(p0|q0) \[.*?, |)label=("(?:[^"\\]|\\.)*")(?:;|, |\];)`)
	for _, name := range meant {
		shown, source := cells.Clean(name, false), dot(t, named(name))
		require.Equal(t, 1, strings.Count(source, "\n}\n"), source)
		found := label.FindAllStringSubmatch(source, -1)
		require.Len(t, found, 3, source)
		require.Contains(t, unquote(t, found[0][2])[0], shown, "the place")
		for _, m := range found[1:] {
			require.Equal(t, shown, unquote(t, m[2])[0], "%s: %s", m[1], source)
		}
	}
}

// Graphviz itself shows the names.
func TestGraphvizShowsNames(t *testing.T) {
	t.Parallel()
	graphviz, err := exec.LookPath("dot")
	if err != nil {
		t.Skip(err)
	}
	b, want := newBuilder(), map[string]int{}
	for i, name := range meant {
		b.edge(b.process(i, name, graph.Alive), b.queue(graph.Queue{Name: name, Slots: 8}), 1, graph.Alive)
		want[cells.Clean(name, false)] += 2
	}
	cmd := exec.Command(graphviz, "-Tsvg")
	cmd.Stdin = strings.NewReader(dot(t, &b.Graph))
	out, err := cmd.Output()
	require.NoError(t, err)
	got := map[string]int{}
	for _, text := range texts(t, string(out)) {
		if want[text] > 0 {
			got[text]++
		}
	}
	require.Equal(t, want, got, "each is shown for a process and for a queue")
}

// texts returns the texts of an SVG.
func texts(t *testing.T, svg string) (all []string) {
	t.Helper()
	inside := false
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			if inside = token.Name.Local == "text"; inside {
				all = append(all, "")
			}
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				all[len(all)-1] += string(token)
			}
		}
	}
}
