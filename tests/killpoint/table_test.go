//go:build linux && amd64

package killpoint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// row is what came of one scenario.
type row struct {
	*scenario
	course
	points   int
	missed   int // points that no breakpoint led to
	passed   int // points that victims did not come by; they are not counted
	states   map[state]bool
	failures int
}

func (r row) String() string {
	instructions := strconv.Itoa(r.instructions)
	if r.cut {
		instructions = "> " + instructions
	}
	return fmt.Sprintf("| %s | %s | %s | %d | %d | %d |", r.name, modeName(r.mode), instructions, r.points, len(r.states), r.failures)
}

type table struct {
	lock sync.Mutex
	rows []row
}

func (b *table) add(r row) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.rows = append(b.rows, r)
}

// print writes the table, as markdown.
func (b *table) print(t *testing.T, stdout bool) {
	slices.SortFunc(b.rows, func(x, y row) int {
		return cmp.Or(strings.Compare(x.name, y.name), strings.Compare(modeName(x.mode), modeName(y.mode)))
	})
	var out strings.Builder
	out.WriteString("| operation | producers/consumers | instructions | kill points tried | distinct shared states | failures |\n")
	out.WriteString("|---|---|--:|--:|--:|--:|\n")
	points, failures := 0, 0
	for _, r := range b.rows {
		fmt.Fprintln(&out, r)
		points += r.points
		failures += r.failures
	}
	fmt.Fprintf(&out, "| all | | | %d | | %d |\n", points, failures)
	if stdout {
		fmt.Print(out.String())
	} else {
		t.Logf("\n%s", out.String())
	}
}
