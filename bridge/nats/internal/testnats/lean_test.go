package testnats_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The server is for tests and for the demo. shmq-nats itself does not have it.
func TestTheCommandDoesNotHaveTheServer(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-deps", "../../cmd/shmq-nats")
	out, err := list.Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "github.com/nats-io/nats.go/jetstream")
	for line := range strings.Lines(string(out)) {
		require.NotContains(t, line, "nats-server")
	}
}
