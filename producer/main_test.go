package producer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		testagent.RoleName: testagent.Play,
		"durable":          durable,
		"share-by-mistake": shareByMistake,
	})
}

var (
	openProducer = testagent.OpenProducer
	openConsumer = testagent.OpenConsumer
	within       = testagent.Within
)

func small(o shmq.Options) *shmq.Options {
	o.Slots, o.SlotSize = 16, 64
	return &o
}

// fill sends records of n bytes until there is no room, and returns how many.
func fill(t *testing.T, p *producer.Raw, n int) int {
	t.Helper()
	for i := 0; ; i++ {
		if err := p.TrySend(make([]byte, n)); err != nil {
			require.ErrorIs(t, err, shmq.ErrFull)
			return i
		}
	}
}

// waits is how often participants of a queue went to sleep.
func waits(t *testing.T, q string) uint64 {
	info, err := shmq.Stat(q)
	if err != nil {
		t.Error(err)
		return 0
	}
	n := uint64(0)
	for _, p := range info.Participants {
		n += p.Waits
	}
	return n
}

const millisecond = time.Millisecond
