// Package ctest_test runs programs in C, with libshmq, together with the Go packages: they send
// to each other through small rings, and are killed.
package ctest_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// The rings are small, so that they are full and empty all the time and wrap after
// every few records.
const (
	slots    = 16
	slotSize = 64
	perPair  = 20_000 // records from one side to the other
)

func TestClientInC(t *testing.T) {
	client := compile(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, program)
	}{
		{"Go sends and C receives", goSendsAndCReceives},
		{"C sends and Go receives", cSendsAndGoReceives},
		{"a killed C consumer loses nothing", killedConsumer},
		{"a killed C producer blocks no other", killedProducer},
		{"C receives the rest of a batch", restOfABatch},
		{"streams end and begin again", streamsAgain},
		{"no end while C has inherited records", inheritedByC},
		{"each sees the other", eachSeesTheOther},
		{"C refuses", refusals},
		{"both agree on incarnations and sums", incarnations},
		{"C passes on the last mark", lastMark},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, client) })
	}
}

// program returns the client as a process to be started, which does not outlive t.
type program func(t *testing.T, args ...string) *exec.Cmd

// made builds a target of clients/c. It skips the test where that can't be done.
func made(t *testing.T, target string, flags ...string) (exe string) {
	t.Helper()
	if testproc.Race && !testproc.Long() {
		t.Skip("programs in C have no race detector, and the Go ends have their own tests; SHMQ_LONG=1 plays it all the same")
	}
	for _, tool := range []string{"cc", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here: %v", tool, err)
		}
	}
	build := t.TempDir()
	out, err := exec.Command("make", append([]string{"-s", "-C", "../c", "BUILD=" + build, target}, flags...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return filepath.Join(build, target)
}

func compile(t *testing.T) program {
	exe := made(t, "shmq_client")
	return func(t *testing.T, args ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		t.Cleanup(cancel) // kills
		return exec.CommandContext(ctx, exe, args...)
	}
}

func create(t *testing.T, producers, consumers shmq.Multiplicity) (queue string) {
	queue = filepath.Join(t.TempDir(), "queue")
	require.NoError(t, shmq.Create(queue, &shmq.Options{
		Producers: producers, Consumers: consumers, Slots: slots, SlotSize: slotSize, Seats: 8,
		Timestamps: producers != consumers,
	}))
	return queue
}

func members(s shmq.Multiplicity) int {
	if s == shmq.Many {
		return 2
	}
	return 1
}

var openProducer = testagent.OpenProducer

func openConsumer(t *testing.T, queue string) *consumer.Raw {
	return testagent.OpenConsumer(t, queue, &consumer.Options{NoCreate: true, UntilEOF: true})
}
