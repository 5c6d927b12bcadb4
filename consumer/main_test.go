package consumer_test

import (
	"testing"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		testagent.RoleName: testagent.Play,
		"echo":             echo,
		"idle":             idle,
		"send-stream":      sendStream,
		"receive-stream":   receiveStream,

		"close-without-membarrier": closeWithoutMembarrier,
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

const millisecond = time.Millisecond
