//go:build linux

// Package testagent is test support: a process that takes part in a queue and does
// what the test tells it, step by step, so that a scenario is written in one place
// and played by real processes.
package testagent

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// RoleName is the role under which TestMain has to offer Play.
const RoleName = "agent"

// Roles are the roles of a package that needs agents only.
func Roles() map[string]testproc.Role {
	return map[string]testproc.Role{RoleName: Play, refusingRole: refusing}
}

type agent struct {
	child  *testproc.Child
	out    *producer.Raw
	in     *consumer.Raw
	buf    []byte
	leases []consumer.Lease
}

// Play obeys the parent: each line is a command, each gets one line in reply, "ok"
// with a result, "err" with an error, or "no" where the agent's language can't do that.
func Play(c *testproc.Child) {
	a := &agent{child: c}
	c.Say("ready")
	for line := range c.Lines {
		reply, err := a.do(strings.Split(line, " "))
		if err != nil {
			c.Say("err %s", errorLine(err))
		} else {
			c.Say("ok %s", reply)
		}
	}
}

// errorLine starts with the name of the sentinel, for the parent to find.
func errorLine(err error) string {
	names := map[string]error{
		"eof": io.EOF, "full": shmq.ErrFull, "empty": shmq.ErrEmpty, "role": shmq.ErrRoleTaken, "seat": shmq.ErrNoSeat,
		"broken": shmq.ErrBrokenOff, "large": shmq.ErrTooLarge, "removed": shmq.ErrRemoved, "truncated": shmq.ErrTruncated, "closed": shmq.ErrClosed,
	}
	for name, target := range names {
		if errors.Is(err, target) {
			return name + " " + err.Error()
		}
	}
	return "other " + err.Error()
}

func (a *agent) do(f []string) (string, error) {
	ctx := context.Background()
	var err error
	switch f[0] {
	case "producer":
		a.out, err = producer.OpenRaw(f[1], &producer.Options{NoCreate: true})
	case "consumer", "consumer-until-eof", "consumer-strict":
		a.in, err = consumer.OpenRaw(f[1], &consumer.Options{NoCreate: true, UntilEOF: f[0] != "consumer", Strict: f[0] == "consumer-strict"})
	case "subscribe": // QUEUE newest|oldest [NAME]
		o := &consumer.Options{NoCreate: true, UntilEOF: true}
		if f[2] == "oldest" {
			o.From = consumer.Oldest
		}
		if len(f) > 3 {
			o.Subscription = f[3]
		}
		a.in, err = consumer.OpenRaw(f[1], o)
	case "send":
		err = a.out.Send(ctx, payload(f[1]))
	case "try-send":
		err = a.out.TrySend(payload(f[1]))
	case "pump": // records of that size until an error
		for b := payload("x*" + f[1]); err == nil; {
			err = a.out.Send(ctx, b)
		}
	case "sink":
		for b := []byte(nil); err == nil; {
			b, err = a.in.Receive(ctx, b)
		}
	case "reserve":
		a.buf, err = a.out.Reserve(ctx, number(f[1]))
	case "fill": // half of the reservation
		err = a.out.Guard(func() error { copy(a.buf, strings.Repeat("\xff", len(a.buf)/2)); return nil })
	case "touch": // what is leased
		return a.describe(a.leases)
	case "commit":
		err = a.out.Commit(number(f[1]))
	case "lease":
		n := number(f[1])
		ls := make([]consumer.Lease, n)
		if n == 1 {
			ls[0], err = a.in.Lease(ctx)
		} else {
			n, err = a.in.LeaseBatch(ctx, ls)
		}
		if err == nil {
			a.leases = append(a.leases, ls[:n]...)
			return a.describe(ls[:n])
		}
	case "try-lease":
		var l consumer.Lease
		if l, err = a.in.TryLease(); err == nil {
			a.leases = append(a.leases, l)
			return a.describe([]consumer.Lease{l})
		}
	case "ack":
		a.leases[number(f[1])].Ack()
	case "release":
		a.leases[number(f[1])].Release()
	case "finish":
		err = a.out.Finish()
	case "abandon":
		err = a.out.Abandon()
	case "send-stream": // SENDER COUNT LEAST MOST
		err = sendStream(ctx, a.out, number(f[1]), number(f[2]), number(f[3]), number(f[4]))
	case "receive-stream": // SENDERS COUNT
		return receiveStream(ctx, a.in, number(f[1]), number(f[2]))
	case "echo": // QUEUE QUEUE
		err = a.echo(f[1], f[2])
	case "fork": // a child that executes nothing
		return strconv.Itoa(a.child.Fork()), nil
	case "close":
		if a.out != nil {
			err = a.out.Close()
		} else {
			err = a.in.Close()
		}
	default:
		err = errors.New("no such command: " + f[0])
	}
	return "", err
}

// payload is the text itself, or with a * the text repeated: x*100.
func payload(s string) []byte {
	if text, times, ok := strings.Cut(s, "*"); ok {
		s = strings.Repeat(text, number(times))
	}
	return []byte(s)
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func (a *agent) describe(ls []consumer.Lease) (string, error) {
	var parts []string
	err := a.in.Guard(func() error {
		for _, l := range ls {
			parts = append(parts, strconv.Itoa(l.Redelivered())+":"+hex.EncodeToString(l.Bytes()))
		}
		return nil
	})
	return strings.Join(parts, " "), err
}
