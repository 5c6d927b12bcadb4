// Package backup holds the verbs that keep records in a file, dump and load.
package backup

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/internal/dump"
	"github.com/shmq/shmq/layout"
)

const dumpLong = `Copy the records of a queue to a file, for shmq load to put them back. Without FILE,
or with -, they go to standard output.

The records stay in the queue, and participants do not notice; records that receivers
take during the look may be missing, and standard error says how many at most. Records
that a receiver holds (leased) are left out unless --leased is given: the receiver may
yet acknowledge them. A file that is cut short or damaged is known as such: each record
has a checksum, and only a whole dump has an end.

With --take the records are taken out of the queue, each after its bytes have been
written and, where the output is a file, synced to the disk. If the command is killed
in between, records are in both places, and none is lost. The file of a killed dump is
loaded with shmq load --salvage.

Of a queue with --consumers each, a dump has the records that are still there, received
or not; nothing is taken out, and no subscription is part of it.

FILE must not exist. How many records were written is said on standard error.`

const dumpExample = `  shmq dump q q.dump
  shmq dump q | zstd > q.dump.zst
  shmq dump q --take /var/backups/q.dump && shmq rm q`

type dumpFlags struct{ take, leased bool }

// Dump returns the verb that copies records to a file.
func Dump() *cobra.Command {
	f := &dumpFlags{}
	cmd := &cobra.Command{
		Use:               "dump NAME [FILE]",
		SuggestFor:        []string{"save", "export", "backup"},
		Short:             "copy the records of a queue to a file",
		Long:              dumpLong,
		Example:           dumpExample,
		Args:              flags.NameAndFile,
		ValidArgsFunction: flags.CompleteNameAndFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0], append(args, "-")[1])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.BoolVar(&f.take, "take", false, "take the records out of the queue once they are written")
	set.BoolVar(&f.leased, "leased", false, "also the records that receivers hold and have not acknowledged")
	flags.Exclusive(cmd, "take", "leased")
	return cmd
}

func (f *dumpFlags) run(cmd *cobra.Command, name, file string) (err error) {
	v, err := shmq.View(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	o, err := v.Options()
	if err != nil {
		return err
	}
	if o.Consumers == shmq.Each {
		if f.take {
			return exit.Usage("queue %q: each consumer gets every record, so a dump can take none out for the others; leave out --take", name)
		}
		f.leased = true // one consumer's lease is nothing to the others
	}
	d := &saver{hold: pump.Hold{Ctx: cmd.Context(), Grace: pump.WriteGrace}, name: name, view: v, leased: f.leased, takes: f.take}
	d.header = headerOf(o)
	var from *consumer.Raw
	if f.take {
		// Before there is a file: the role may be taken.
		if from, err = consumer.OpenRaw(name, &consumer.Options{NoCreate: true}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, from.Close()) }()
	}
	if err := d.open(file); err != nil {
		return err
	}
	err = d.hold.Run(func() error {
		if from != nil {
			return d.take(from)
		}
		return d.copy()
	})
	err = d.close(err)
	if err == nil || d.taken > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: queue %q: %s\n", cmd.CommandPath(), name, d.summary(err == nil))
	}
	return err
}

func headerOf(o shmq.Options) dump.Header {
	return dump.Header{
		Geometry: layout.Geometry{
			ManyProducers: o.Producers == shmq.Many, ManyConsumers: o.Consumers == shmq.Many,
			Seats: o.Seats, Slots: uint64(o.Slots), AreaSize: uint64(o.SlotSize), Checksum: o.Checksum, Timestamps: o.Timestamps,
			Each: o.Consumers == shmq.Each, Skip: o.Skip, Keep: uint64(o.Keep), Subscriptions: o.Subscriptions,
		},
		Mode: o.Mode, Time: time.Now(),
	}
}
