package main

import (
	"errors"
	"flag"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var all = flag.Bool("all", false, "fail where a library is absent, in place of leaving it out")

// absent skips a test whose library is not here, or fails it.
func absent(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errAbsent) && !*all:
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

// asked holds what the peers said: they are asked once for all tests.
var asked struct {
	values  []sent
	results []result
}

func TestMain(m *testing.M) {
	flag.Parse()
	asked.values = sentValues()
	asked.results = tables(asked.values)
	os.Exit(m.Run())
}

func TestTablesAreThoseOfTheGoldenFiles(t *testing.T) {
	for _, r := range asked.results {
		t.Run(r.peer.id(), func(t *testing.T) {
			absent(t, r.err)
			want, err := os.ReadFile(goldenPath(r.peer))
			if err != nil {
				t.Fatal(err)
			}
			differ(t, r.table.golden(), string(want))
		})
	}
}

func TestEveryGoldenFileHasItsPeer(t *testing.T) {
	entries, err := os.ReadDir("golden")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(peers) {
		t.Errorf("%d files in golden/, want one for each of %d peers", len(entries), len(peers))
	}
}

func TestPageHoldsTheTables(t *testing.T) {
	var tables []table
	for _, r := range asked.results {
		absent(t, r.err)
		tables = append(tables, r.table)
	}
	_, page, _, err := splitPage()
	if err != nil {
		t.Fatal(err)
	}
	differ(t, string(page), markdown(asked.values, tables))
}

// differ fails with the lines that are not the same.
func differ(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	shown := 0
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a == b {
			continue
		}
		if shown++; shown > 10 {
			t.Error("and more; go run . -update writes what is true now")
			return
		}
		t.Errorf("line %d\n got %s\nwant %s", i+1, a, b)
	}
}

// The page says so under "In short", in words.
func TestWhatEveryLibraryCarries(t *testing.T) {
	exceptions := []string{"-129", "-32769", "-0.0", "1e+300"}
	for _, r := range asked.results {
		t.Run(r.peer.id(), func(t *testing.T) {
			absent(t, r.err)
			for i, row := range r.table.sent {
				carried := false
				switch row.kind {
				case "integers":
					n, err := strconv.ParseInt(row.text, 10, 64)
					carried = err == nil && n >= math.MinInt32 && n <= math.MaxUint32
				case "floats", "text", "nil, bool":
					carried = true
				default:
					carried = slices.Contains([]string{"empty list", "list of lists", "struct", "embedded struct", "map", "empty key"}, row.name)
				}
				if carried && !slices.Contains(exceptions, row.name) && !row.exact() {
					t.Errorf("%s: %s arrives as %s and comes back as %s", row.name, asked.values[i].text(), row.arrived, row.read)
				}
			}
		})
	}
}
