// Package demo shows a queue at work: producers and consumers, each a process of
// its own, exchange typed records for a few seconds, and then every record is
// accounted for.
//
// It has two phases, because latency and throughput cannot be shown at once. While
// producers send as fast as they can, the queue is full and a record's latency is
// the time it stands in line. So they send at a modest pace first: then the latency
// is that of one record on its way, with the waking of a sleeping consumer.
//
// The parent starts its own executable for each process, with the verb demo-child.
// It gives orders on the child's standard input and gets reports from its standard
// output, as JSON; the queue carries nothing but records. A child does not outlive
// the parent: the kernel kills it.
package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/shmq/shmq"
)

// Options say what the demo does. The zero value means the defaults.
type Options struct {
	// Duration is how long records are sent, both phases together. Default 3 s.
	Duration time.Duration
	// Producers and Consumers are how many processes there are of each. Default 2,
	// or 1 where the queue has a single one.
	Producers int
	Consumers int
	// Queue says what the queue is like. Default shmq.Options{}.
	Queue shmq.Options
}

// pace is how many records a second each producer sends in the paced phase: few
// enough that consumers sleep between them.
const pace = 1000

// grace is how long starting, draining and ending may take beyond Options.Duration.
const grace = 30 * time.Second

var errStuck = fmt.Errorf("the demo was not done %v after its time", grace)

// Run runs the demo, prints what happens to out, and removes all traces of it, also
// when ctx ends. Its error tells that a record is missing, arrived twice or out of
// order, that a process died, or what kept the demo from running; if ctx ended, it
// wraps the error and the cause of ctx.
func Run(ctx context.Context, out io.Writer, o Options) (err error) {
	if o, err = o.withDefaults(); err != nil {
		return err
	}
	// A closed pipe behind out has to be an error, or the queue would stay behind.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)

	ctx, cancel := context.WithTimeoutCause(ctx, o.Duration+grace, errStuck)
	defer cancel()
	queue, err := create(&o.Queue)
	if err != nil {
		return err
	}
	if err := play(ctx, out, queue, o); err != nil {
		return errors.Join(err, shmq.ForceRemove(queue))
	}
	if err := shmq.ForceRemove(queue); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nThe queue is removed; its %d processes have ended.\n", o.Producers+o.Consumers)
	return err
}

// play runs the demo on an existing queue. When it returns, no child is left.
func play(ctx context.Context, out io.Writer, queue string, o Options) error {
	crew, err := start(ctx, queue, o)
	if err != nil {
		return err
	}
	defer crew.dismiss()
	if err := crew.await(ctx, ready, ticker{}); err != nil {
		return err
	}
	info, err := shmq.Stat(queue)
	if err != nil {
		return err
	}
	if err := printIntro(out, info, crew); err != nil {
		return err
	}
	live := newLive(out, queue, o.Duration)
	for _, p := range phases(o.Duration) {
		crew.order(p)
		live.begin(p)
		if err := crew.await(ctx, done, live.tick); err != nil {
			return err
		}
		if err := live.end(); err != nil {
			return err
		}
	}
	live.stop()
	crew.release()
	if err := crew.await(ctx, reported, ticker{}); err != nil {
		return err
	}
	if err := crew.await(ctx, gone, ticker{}); err != nil {
		return err
	}
	acc := reconcile(crew.reports(producerRole), crew.reports(consumerRole))
	if err := printSummary(out, crew, phases(o.Duration), acc); err != nil {
		return err
	}
	return acc.err()
}

func (o Options) withDefaults() (Options, error) {
	count := func(n int, side shmq.Multiplicity, what string) (int, error) {
		switch {
		case n < 0:
			return 0, fmt.Errorf("%w: %d %ss", shmq.ErrOption, n, what)
		case n == 0 && side == shmq.One:
			return 1, nil
		case n == 0:
			return 2, nil
		case n > 1 && side == shmq.One:
			return 0, fmt.Errorf("%w: %d %ss on a queue for one; ask for one, or for a queue for many", shmq.ErrOption, n, what)
		}
		return n, nil
	}
	var err1, err2, err3 error
	o.Producers, err1 = count(o.Producers, o.Queue.Producers, "producer")
	o.Consumers, err2 = count(o.Consumers, o.Queue.Consumers, "consumer")
	if o.Duration == 0 {
		o.Duration = 3 * time.Second
	}
	if o.Duration < 0 {
		err3 = fmt.Errorf("%w: duration %v", shmq.ErrOption, o.Duration)
	}
	return o, errors.Join(err1, err2, err3)
}

// create makes a queue of a name that no other queue has.
func create(o *shmq.Options) (string, error) {
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	name := fmt.Sprintf("demo-%d-%s", os.Getpid(), hex.EncodeToString(b[:]))
	return name, shmq.Create(name, o)
}
