package backup

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/internal/dump"
	"github.com/shmq/shmq/producer"
)

// badDump returns the error about a dump of which that many records were loaded.
func badDump(name string, err error, loaded int64) error {
	var damage *dump.Error
	if errors.As(err, &damage) {
		return exit.Tell(name, exit.ErrData, "the dump can't be used from %v; records loaded: %d", damage, loaded)
	}
	return exit.Tell(name, exit.ErrInput, "can't read the dump: %v; records loaded: %d", err, loaded)
}

// loader sends the records that it reads.
type loader struct {
	name  string
	flags *loadFlags
	out   *pump.Outbox
	// damage is where a dump that is salvaged ends.
	damage *dump.Error
}

func (l *loader) load(ctx context.Context, in io.Reader) (err error) {
	h := &pump.Hold{Ctx: ctx}
	var p *producer.Raw
	err = h.Run(func() error {
		// A pipe may block; the records that were read before are sent first.
		src := &pump.Input{Hold: h, From: in, Before: func() error { return nil }}
		r, err := dump.NewReader(bufio.NewReaderSize(src, format.ReadSize))
		if err != nil {
			return l.bad(err)
		}
		if p, err = l.open(r.Header); err != nil {
			return pump.Unopened(l.name, err)
		}
		l.out = pump.NewOutbox(h, p, pump.SendOptions{
			Batch: pump.BatchSize, Count: -1, Timeout: l.flags.timeout.Value(), Nonblock: l.flags.nonblock, Did: "loaded",
		})
		src.Before = l.out.Flush
		for {
			b, err := r.Next()
			if err == io.EOF {
				return l.out.Flush()
			}
			if err != nil {
				return l.bad(err)
			}
			l.out.Buf = append(l.out.Buf, b...)
			if err := l.out.Added(); err != nil {
				return l.out.End(err)
			}
		}
	})
	if l.out != nil {
		err = l.out.Ended(err)
	}
	if p != nil {
		err = exit.Then(err, p.Close())
	}
	return err
}

// bad loads the records that were read before the dump turned out to be bad.
func (l *loader) bad(err error) error {
	loaded := int64(0)
	if l.out != nil {
		if err := l.out.Flush(); err != nil {
			return err // perhaps what stopped the reading
		}
		loaded = l.out.Sent()
	}
	if l.flags.salvage && l.out != nil && errors.As(err, &l.damage) {
		return nil
	}
	return badDump(l.name, err, loaded)
}

// open opens the queue, or makes one like the dumped one.
func (l *loader) open(h dump.Header) (*producer.Raw, error) {
	side := func(many bool) shmq.Multiplicity {
		if many {
			return shmq.Many
		}
		return shmq.One
	}
	consumers := side(h.ManyConsumers)
	if h.Each {
		consumers = shmq.Each
	}
	return producer.OpenRaw(l.name, &producer.Options{NoCreate: l.flags.noCreate, AnyShape: true, Create: shmq.Options{
		Producers: side(h.ManyProducers), Consumers: consumers, Skip: h.Skip, Keep: int(h.Keep), Subscriptions: h.Subscriptions,
		Slots: int(h.Slots), SlotSize: int(h.AreaSize), Seats: h.Seats, Mode: h.Mode & fs.ModePerm, Checksum: h.Checksum, Timestamps: h.Timestamps,
	}})
}
