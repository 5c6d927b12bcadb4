// Package c_test runs the C client together with the Go packages. The client was written
// from docs/layout.md; so this tests the document, too.
package c_test

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

func compile(t *testing.T) program {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	exe := filepath.Join(t.TempDir(), "shmq_client")
	out, err := exec.Command(cc, "-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11", "-o", exe, "shmq_client.c").CombinedOutput()
	require.NoError(t, err, "%s", out)
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
