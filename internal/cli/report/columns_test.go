package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cli/report"
)

func TestLongNameMovesItsOwnRowOnly(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 33)
	var b strings.Builder
	require.NoError(t, report.Columns(&b, [][]string{
		{"NAME", "RECORDS", "AGE"}, {"q", "1", "3d"}, {long, "22222222", "1s"}, {"bad", "a reason that is longer than any column"},
		{strings.Repeat("n", 10), "3", "2s"},
	}))
	require.Equal(t, `NAME        RECORDS   AGE
q           1         3d
`+long+`  22222222  1s
bad         a reason that is longer than any column
nnnnnnnnnn  3         2s
`, b.String())
}
