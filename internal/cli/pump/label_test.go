package pump_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cli/pump"
)

func TestLabelStandsInOneField(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"q": "q", "/dev/shm/shmq.q": "/dev/shm/shmq.q", "fd:3": "fd:3", "größe": "größe",
		"a\tb": `"a\tb"`, "a\nb": `"a\nb"`, `a"b`: `"a\"b"`, "\x1b[2J": `"\x1b[2J"`,
	} {
		require.Equal(t, want, pump.Label(name))
	}
}
