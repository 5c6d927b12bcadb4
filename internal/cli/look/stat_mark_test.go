package look

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// The last mark has a line if there is one.
func TestStatShowsTheLastMark(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	info := &shmq.Info{Mark: &layout.Marked{Position: 7, Mark: producer.Mark{42, 3}}}
	printInfo(&b, info, nil)
	require.Contains(t, b.String(), "mark:\t42 3, of the record at 7\n")
	b.Reset()
	printInfo(&b, &shmq.Info{}, nil)
	require.NotContains(t, b.String(), "mark:")
}
