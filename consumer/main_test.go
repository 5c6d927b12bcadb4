package consumer_test

import (
	"testing"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	roles := testagent.Roles()
	roles["close-without-membarrier"] = closeWithoutMembarrier
	testproc.Main(m, roles)
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
