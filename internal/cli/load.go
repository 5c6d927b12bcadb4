package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/dump"
	"github.com/shmq/shmq/producer"
)

const loadLong = `Send the records of a dump to a queue, in their order, behind what is there. Without
FILE, or with -, the dump is read from standard input. If there is no such queue, one
like the dumped one is made: same shape, roles, seats and mode.

A file is checked as a whole first: if it is damaged or cut short, nothing is loaded,
and the error names the byte. A dump that comes through a pipe is checked as it is
loaded, and the error says how many records were. With --salvage the whole records
before the damage are loaded.

To the queue the records are new: they count as never delivered. A record waits for
room while the queue is full.`

const loadExample = `  shmq load q q.dump
  zstd -dc q.dump.zst | shmq load q
  shmq load rescued cut.dump --salvage
  shmq load q q.dump --nonblock`

type loadFlags struct {
	salvage  bool
	timeout  duration
	nonblock bool
	noCreate bool
	json     bool
}

// loaded is what load prints with --json.
type loaded struct {
	Name   string `json:"name"`
	Loaded int64  `json:"loaded"`
}

func load() *cobra.Command {
	f := &loadFlags{}
	cmd := &cobra.Command{
		Use:               "load NAME [FILE]",
		Short:             "put the records of a dump into a queue",
		Long:              loadLong,
		Example:           loadExample,
		Args:              nameAndFile,
		ValidArgsFunction: completeNameAndFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0], append(args, "-")[1])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.BoolVar(&f.salvage, "salvage", false, "load what is whole of a damaged dump")
	set.Var(&f.timeout, "timeout", "give up, with exit code 124, when there was no room for this `duration` (2, 0.5, 200ms, 1m)")
	set.BoolVar(&f.nonblock, "nonblock", false, "give up, with exit code 75, when the queue is full")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	set.BoolVar(&f.json, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("timeout", "nonblock")
	return cmd
}

func (f *loadFlags) run(cmd *cobra.Command, name, file string) error {
	if _, err := shmq.Path(name); err != nil {
		return err
	}
	in := os.Stdin
	if file != "-" {
		var err error
		if in, err = os.Open(file); err != nil {
			return tell(name, errInput, "can't read the dump: %v", err)
		}
		defer in.Close()
	}
	if err := f.check(name, in); err != nil {
		return err
	}
	l := &loader{name: name, flags: f}
	err := l.load(cmd.Context(), in)
	if errors.As(err, new(signalError)) && l.out != nil {
		return tell(name, err, "%v; records loaded: %d", err, l.out.sent)
	}
	var damage *dump.Error
	if f.salvage && l.out != nil && errors.As(err, &damage) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: queue %q: the dump is damaged at %v\n", cmd.CommandPath(), name, damage)
		err = nil
	}
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(os.Stdout, loaded{name, l.out.sent})
	}
	_, err = fmt.Fprintf(os.Stdout, "%s loaded\n", recordsText(uint64(l.out.sent)))
	return outputError(err)
}

// errInput: a file can't be read. Its own reason would give a code about queues.
var errInput = errors.New("can't read the input")

// check reads a file to its end and goes back, so that nothing is loaded of one that
// is damaged.
func (f *loadFlags) check(name string, in *os.File) error {
	start, err := in.Seek(0, io.SeekCurrent)
	info, e := in.Stat()
	if err != nil || e != nil || !info.Mode().IsRegular() {
		return nil // it can be read once only
	}
	r, err := dump.NewReader(bufio.NewReaderSize(in, readSize))
	for err == nil {
		_, err = r.Next()
	}
	var damage *dump.Error
	switch {
	case err == io.EOF || errors.As(err, &damage) && f.salvage && r != nil:
	case errors.As(err, &damage) && r != nil && r.Records > 0:
		return tell(name, errData, "the dump is damaged at %v; nothing was loaded; --salvage loads %s before that", damage, recordsText(r.Records))
	default:
		return badDump(name, err, 0)
	}
	_, err = in.Seek(start, io.SeekStart)
	return err
}

// badDump returns the error about a dump of which that many records were loaded.
func badDump(name string, err error, loaded int64) error {
	var damage *dump.Error
	if errors.As(err, &damage) {
		return tell(name, errData, "the dump can't be used from %v; records loaded: %d", damage, loaded)
	}
	return tell(name, errInput, "can't read the dump: %v; records loaded: %d", err, loaded)
}

// loader sends what it reads.
type loader struct {
	name  string
	flags *loadFlags
	out   *outbox
}

func (l *loader) load(ctx context.Context, in io.Reader) (err error) {
	h := &hold{ctx: ctx}
	var p *producer.Raw
	err = h.run(func() error {
		// A pipe may block; what was read before is sent first.
		src := &loadInput{hold: h, src: in}
		buffered := bufio.NewReaderSize(src, readSize)
		r, err := dump.NewReader(buffered)
		if err != nil {
			return l.bad(err)
		}
		if p, err = l.open(r.Header); err != nil {
			return err
		}
		l.out = &outbox{
			ctx: ctx, to: p, maxRecord: p.MaxRecord(), slotSize: p.SlotSize(), batch: leaseBatch, left: -1,
			timeout: l.flags.timeout.value(), nonblock: l.flags.nonblock, what: "record",
		}
		src.out = l.out
		for {
			b, err := r.Next()
			if err == io.EOF {
				return l.out.flush()
			}
			if err != nil {
				return l.bad(err)
			}
			l.out.buf = append(l.out.buf, b...)
			if err := l.out.added(); err != nil {
				return err
			}
		}
	})
	if p != nil {
		err = errors.Join(err, p.Close())
	}
	return err
}

// bad loads what was read before the dump turned out to be bad.
func (l *loader) bad(err error) error {
	loaded := int64(0)
	if l.out != nil {
		if err := l.out.flush(); err != nil {
			return err // perhaps what stopped the reading
		}
		loaded = l.out.sent
	}
	if l.flags.salvage && l.out != nil && errors.As(err, new(*dump.Error)) {
		return err
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
	return producer.OpenRaw(l.name, &producer.Options{NoCreate: l.flags.noCreate, Create: shmq.Options{
		Producers: side(h.ManyProducers), Consumers: side(h.ManyConsumers),
		Slots: int(h.Slots), SlotSize: int(h.AreaSize), Seats: h.Seats, Mode: h.Mode & fs.ModePerm, Checksum: h.Checksum,
	}})
}

// loadInput is the dump: before a read, which may block, all that was read is sent.
type loadInput struct {
	hold *hold
	src  io.Reader
	out  *outbox
}

func (in *loadInput) Read(b []byte) (n int, err error) {
	if in.out != nil {
		if err := in.out.flush(); err != nil {
			return 0, err
		}
	}
	in.hold.outside(func() { n, err = in.src.Read(b) })
	return n, err
}
