package ctest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
)

// golden has files that were queues, in the states that a kill can leave, and what they
// are as JSON: clients/golden/NAME.gz and NAME.json. Clients of all languages read the same
// from a copy. SHMQ_GOLDEN=new makes those that are not there: see goldenmake_test.go.
const golden = "../golden"

const patience = 20 * time.Second

// description is a queue as JSON.
type description struct {
	Producers     string        `json:"producers"`
	Consumers     string        `json:"consumers"`
	Slots         int           `json:"slots"`
	SlotSize      int           `json:"slot_size"`
	Seats         int           `json:"seats"`
	Checksum      bool          `json:"checksum"`
	Timestamps    bool          `json:"timestamps"`
	CreationID    string        `json:"creation_id"`
	Head          uint64        `json:"head"`
	Tail          uint64        `json:"tail"`
	Sent          uint64        `json:"sent"`
	SentBytes     uint64        `json:"sent_bytes"`
	Received      uint64        `json:"received"`
	ReceivedBytes uint64        `json:"received_bytes"`
	Redelivered   uint64        `json:"redelivered"`
	Torn          uint64        `json:"torn"`
	Skipped       uint64        `json:"skipped"`
	Begun         bool          `json:"begun"`
	Finished      bool          `json:"finished"`
	Participants  []participant `json:"participants"`
	Delivered     []delivered   `json:"delivered"`
	Then          string        `json:"then"` // what the call after the last record says: end or broken
}

type participant struct {
	Seat    int    `json:"seat"`
	Role    string `json:"role"`
	PID     int    `json:"pid"`
	Command string `json:"command"`
	Alive   bool   `json:"alive"`
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
}

type delivered struct {
	Data        string `json:"data"` // hexadecimal
	Redelivered int    `json:"redelivered"`
	SentAt      int64  `json:"sent_at"` // nanoseconds of Unix time, or 0
	ID          string `json:"id"`
}

func TestGoldenQueuesAreReadAlike(t *testing.T) {
	if os.Getenv("SHMQ_GOLDEN") == "new" {
		makeGolden(t)
	}
	images, err := filepath.Glob(filepath.Join(golden, "*.gz"))
	require.NoError(t, err)
	require.Len(t, images, wantImages())
	describe := made(t, "describe")
	for _, image := range images {
		name := strings.TrimSuffix(filepath.Base(image), ".gz")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(filepath.Join(golden, name+".json"))
			require.NoError(t, err)
			require.Equal(t, string(b), text(t, readByGo(t, copyOf(t, image))), "in Go")
			out, err := exec.Command(describe, copyOf(t, image)).Output()
			require.NoError(t, err)
			var got description
			d := json.NewDecoder(bytes.NewReader(out))
			d.DisallowUnknownFields()
			require.NoError(t, d.Decode(&got), "%s", out)
			require.Equal(t, string(b), text(t, got), "in C")
		})
	}
}

// Those of which each consumer gets every record are in a folder of their own: not all clients have a name for them.
func TestGoldenQueuesOfEachAreReadAlike(t *testing.T) {
	if os.Getenv("SHMQ_GOLDEN") == "new" {
		makeGoldenEach(t)
	}
	images, err := filepath.Glob(filepath.Join(golden, "each", "*.gz"))
	require.NoError(t, err)
	require.Len(t, images, 2*len(eachStates()))
	describe := made(t, "describe")
	for _, image := range images {
		t.Run(filepath.Base(image), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(strings.TrimSuffix(image, ".gz") + ".json")
			require.NoError(t, err)
			require.Equal(t, string(b), text(t, readByGo(t, copyOf(t, image))), "in Go")
			out, err := exec.Command(describe, copyOf(t, image)).Output()
			require.NoError(t, err)
			var got description
			require.NoError(t, json.Unmarshal(out, &got), "%s", out)
			require.Equal(t, string(b), text(t, got), "in C")
		})
	}
}

// Each says why it does not open a queue that it can't read, and Go opens those that only it can.
func TestGoldenRefusalsAreAlike(t *testing.T) {
	images, err := filepath.Glob(filepath.Join(golden, "refused", "*.gz"))
	require.NoError(t, err)
	require.Len(t, images, len(refused))
	describe := made(t, "describe")
	for _, r := range refused {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			image := filepath.Join(golden, "refused", fileName(r.name)+".gz")
			b, err := os.ReadFile(strings.TrimSuffix(image, ".gz") + ".json")
			require.NoError(t, err)
			require.Equal(t, string(b), text(t, r.refusal))

			path := copyOf(t, image)
			_, err = shmq.Stat(path)
			if r.in == nil {
				require.NoError(t, err)
				require.Equal(t, []string{"a"}, all(t, path))
			} else {
				require.ErrorIs(t, err, r.in)
			}

			path = copyOf(t, image)
			cmd := exec.Command(describe, "refused", path)
			var says bytes.Buffer
			cmd.Stderr = &says
			out, err := cmd.Output()
			require.NoError(t, err, "%s", says.String())
			stat := r.refusal.Code
			if r.refusal.Stat {
				stat = "ok"
			}
			require.Equal(t, "stat: "+stat+"\nopen: "+r.refusal.Code+"\n", string(out))
			require.Contains(t, says.String(), r.refusal.Says)
			require.Contains(t, says.String(), path)
		})
	}
}

// all returns what a consumer in Go receives.
func all(t *testing.T, path string) (texts []string) {
	o := &consumer.Options{NoCreate: true}
	if info, err := shmq.Stat(path); err == nil && info.Consumers == shmq.Each {
		o.From = consumer.Oldest
	}
	c, err := consumer.OpenRaw(path, o)
	require.NoError(t, err)
	for {
		b, err := c.TryReceive(nil)
		if errors.Is(err, shmq.ErrEmpty) {
			require.NoError(t, c.Close())
			return texts
		}
		require.NoError(t, err)
		texts = append(texts, string(b))
	}
}

func text(t *testing.T, v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	require.NoError(t, err)
	return string(b) + "\n"
}

// copyOf unpacks an image into a directory of its own, in memory.
func copyOf(t *testing.T, image string) (path string) {
	f, err := os.Open(image)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	dir, err := os.MkdirTemp(shmq.Dir(), "golden-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path = filepath.Join(dir, "queue")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

func readByGo(t *testing.T, path string) description {
	info, err := shmq.Stat(path)
	require.NoError(t, err)
	d := description{
		Producers: info.Producers.String(), Consumers: info.Consumers.String(), Slots: info.Slots, SlotSize: info.SlotSize,
		Seats: info.Seats, Checksum: info.Checksum, Timestamps: info.Timestamps, CreationID: info.CreationID,
		Head: info.Head, Tail: info.Tail, Sent: info.Sent, SentBytes: info.SentBytes, Received: info.Received,
		ReceivedBytes: info.ReceivedBytes, Redelivered: info.Redelivered, Torn: info.Torn, Skipped: info.Skipped,
		Begun: info.Begun, Finished: info.Finished, Participants: []participant{}, Delivered: []delivered{},
	}
	for _, p := range info.Participants {
		d.Participants = append(d.Participants, participant{p.Seat, p.Role.String(), p.PID, p.Command, p.Alive, p.Records, p.Bytes})
	}
	o := &consumer.Options{NoCreate: true, UntilEOF: true}
	if info.Consumers == shmq.Each { // as the durable one of that name, or all that there is
		o.From, o.Subscription = consumer.Oldest, "d"
	}
	c, err := consumer.OpenRaw(path, o)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience) // all producers are dead, so there is an end
	defer cancel()
	for {
		l, err := c.Lease(ctx)
		if err != nil {
			switch {
			case errors.Is(err, shmq.ErrLagged):
				continue
			case errors.Is(err, shmq.ErrBrokenOff):
				d.Then = "broken"
			case err == io.EOF:
				d.Then = "end"
			default:
				require.NoError(t, err)
			}
			break
		}
		sent := int64(0)
		if !l.SentAt().IsZero() {
			sent = l.SentAt().UnixNano()
		}
		d.Delivered = append(d.Delivered, delivered{hex.EncodeToString(l.Bytes()), l.Redelivered(), sent, l.ID().String()})
		l.Ack()
	}
	require.NoError(t, c.Close())
	return d
}
