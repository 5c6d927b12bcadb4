package flags

import (
	"errors"
	"io/fs"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
)

// Queue says what a queue is like if the command makes it.
type Queue struct {
	opts shmq.Options
	mode Mode
	set  *pflag.FlagSet
}

// Add adds the flags to those of a command.
func (q *Queue) Add(cmd *cobra.Command) {
	set := cmd.Flags()
	q.set = set
	q.mode = Mode(shmq.DefaultMode)
	sides := []string{shmq.One.String(), shmq.Many.String()}
	Int(set, &q.opts.Slots, "slots", "", shmq.DefaultSlots, 1, "new queue: `number` of slots, rounded up to a power of two")
	Size(set, &q.opts.SlotSize, "slot-size", shmq.DefaultSlotSize, "new queue: `bytes` a slot holds, rounded up to a multiple of 64; a larger record takes several slots, up to half of all")
	Int(set, &q.opts.Seats, "seats", "", shmq.DefaultSeats, 1, "new queue: `number` of processes that can be attached at a time")
	Text(cmd, &q.opts.Producers, "producers", shmq.Many, "new queue: `one|many` producers at a time", sides...)
	Text(cmd, &q.opts.Consumers, "consumers", shmq.Many, "new queue: `one|many|each`: one consumer, or many that share the records, or many of which each gets every record", append(sides, shmq.Each.String())...)
	Either(cmd, &q.opts.Skip, "slow", [2]string{"wait", "skip"}, "new queue, with --consumers each: producers `wait|skip` where a consumer is slow: one that falls behind by a lap loses records, and is told")
	Int(set, &q.opts.Keep, "keep", "", 0, 0, "new queue, with --consumers each: `slots` behind the newest record that stay for a consumer that begins at the oldest")
	Int(set, &q.opts.Subscriptions, "subscriptions", "", shmq.DefaultSubscriptions, 1, "new queue, with --consumers each: `number` of consumers and durable subscriptions at a time")
	set.BoolVar(&q.opts.HugePages, "huge-pages", false, "new queue: in pages of 2 MiB, as far as it fills them")
	set.BoolVar(&q.opts.Checksum, "checksum", false, "new queue: each record with a checksum, for a queue on a disk that is to survive a reboot")
	set.BoolVar(&q.opts.Timestamps, "timestamps", false, "new queue: each record with the time when it was sent")
	set.Var(&q.mode, "mode", "new queue: permissions in `octal`; 0660 lets the group use it")
}

// Options returns what the flags ask for.
func (q *Queue) Options() shmq.Options {
	o := q.opts
	// An option that was not asked for is the library's default, for which an existing queue is
	// no contradiction.
	for flag, value := range map[string]*int{"slots": &o.Slots, "slot-size": &o.SlotSize, "seats": &o.Seats, "subscriptions": &o.Subscriptions} {
		if !q.set.Changed(flag) {
			*value = 0
		}
	}
	o.Mode = fs.FileMode(q.mode)
	return o
}

// Check compares an existing queue with the flags that were given: a user who asks for a
// shape does not want another one in silence. A queue that is absent passes.
func (q *Queue) Check(name string) error {
	var info *shmq.Info
	for _, flag := range []string{"slots", "slot-size", "seats", "producers", "consumers", "slow", "keep", "subscriptions", "checksum", "timestamps", "mode"} {
		if !q.set.Changed(flag) {
			continue
		}
		if info == nil {
			var err error
			if info, err = shmq.Stat(name); errors.Is(err, fs.ErrNotExist) {
				return nil
			} else if err != nil {
				return err
			}
		}
		if is, ok := q.matches(flag, info); !ok {
			return exit.Usage("queue %q exists with --%s %s, not %s; leave the flag out, or remove the queue first", name, flag, is, q.set.Lookup(flag).Value)
		}
	}
	return nil
}

// matches returns the queue's value of a flag and whether it is the one asked for.
// The library rounds numbers up.
func (q *Queue) matches(flag string, info *shmq.Info) (is string, ok bool) {
	number := func(is, asked, unit int) (string, bool) {
		return strconv.Itoa(is), is >= asked && is-asked < unit
	}
	switch flag {
	case "slots":
		return number(info.Slots, q.opts.Slots, info.Slots/2)
	case "slot-size":
		return number(info.SlotSize, q.opts.SlotSize, 64)
	case "seats":
		return number(info.Seats, q.opts.Seats, 1)
	case "subscriptions":
		return number(info.MaxSubscriptions, q.opts.Subscriptions, 1)
	case "keep":
		return number(info.Keep, q.opts.Keep, 1)
	case "slow":
		is := either{&info.Skip, [2]string{"wait", "skip"}}
		return is.String(), info.Skip == q.opts.Skip
	case "producers":
		return info.Producers.String(), info.Producers == q.opts.Producers
	case "checksum":
		return strconv.FormatBool(info.Checksum), info.Checksum == q.opts.Checksum
	case "timestamps":
		return strconv.FormatBool(info.Timestamps), info.Timestamps == q.opts.Timestamps
	case "consumers":
		return info.Consumers.String(), info.Consumers == q.opts.Consumers
	}
	mode, err := strconv.ParseUint(info.Mode, 8, 32)
	return info.Mode, err == nil && Mode(mode) == q.mode
}
