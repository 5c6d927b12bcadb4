//go:build linux

package testagent

import (
	"context"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// echo sends what comes from one queue to another one, until it can't. It has replied by then, so there is one more
// line of it: the error.
func (a *agent) echo(from, to string) (err error) {
	if a.in, err = consumer.OpenRaw(from, &consumer.Options{NoCreate: true, Wait: shmq.Park}); err != nil {
		return err
	}
	if a.out, err = producer.OpenRaw(to, &producer.Options{NoCreate: true}); err != nil {
		return err
	}
	a.child.Say("ok")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		b, err := a.in.Receive(ctx, nil)
		if err != nil {
			return err
		}
		Think()
		if err := a.out.TrySend(b); err != nil {
			return err
		}
	}
}

// Think takes as long as the other end needs to fall asleep.
func Think() {
	for start := time.Now(); time.Since(start) < 40*time.Microsecond; {
	}
}
