package backup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/report"
	"github.com/shmq/shmq/internal/dump"
	"github.com/shmq/shmq/internal/words"
)

const loadLong = `Send the records of a dump to a queue, in their order, behind the records there.
Without FILE, or with -, the dump is read from standard input. If there is no such
queue, one like the dumped one is made: same shape, roles, seats and mode.

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
	timeout  flags.Duration
	nonblock bool
	noCreate bool
	json     bool
}

// loaded is what load prints with --json.
type loaded struct {
	Name   string `json:"name"`
	Loaded int64  `json:"loaded"`
}

// Load returns the verb that sends the records of a dump.
func Load() *cobra.Command {
	f := &loadFlags{}
	cmd := &cobra.Command{
		Use:               "load NAME [FILE]",
		SuggestFor:        []string{"restore", "import"},
		Short:             "put the records of a dump into a queue",
		Long:              loadLong,
		Example:           loadExample,
		Args:              flags.NameAndFile,
		ValidArgsFunction: flags.CompleteNameAndFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0], append(args, "-")[1])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.BoolVar(&f.salvage, "salvage", false, "load the whole records before the damage")
	set.Var(&f.timeout, "timeout", "give up, with exit code 124, when there was no room for this `duration` (2, 0.5, 200ms, 1m)")
	set.BoolVar(&f.nonblock, "nonblock", false, "give up, with exit code 75, when the queue is full")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	set.BoolVar(&f.json, "json", false, "print JSON")
	flags.Exclusive(cmd, "timeout", "nonblock")
	return cmd
}

func (f *loadFlags) run(cmd *cobra.Command, name, file string) error {
	if _, err := shmq.Path(name); err != nil {
		return err
	}
	in := os.Stdin
	// The sender of a FIFO may not come, and a file may be large.
	if err := exit.Free(cmd.Context(), func() (err error) {
		if file != "-" {
			if in, err = os.Open(file); err != nil {
				return exit.Tell(name, exit.ErrInput, "can't read the dump: %v", err)
			}
		}
		return f.check(name, in)
	}); err != nil {
		return err
	}
	defer in.Close()
	l := &loader{name: name, flags: f}
	err := l.load(cmd.Context(), in)
	if l.damage != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: queue %q: the dump is damaged at %v\n", cmd.CommandPath(), name, l.damage)
	}
	if err != nil {
		return err
	}
	return exit.Print(cmd.Context(), func() error {
		if f.json {
			return report.JSON(os.Stdout, loaded{name, l.out.Sent()})
		}
		_, err := fmt.Fprintf(os.Stdout, "%s loaded\n", words.Records(uint64(l.out.Sent())))
		return exit.Output(err)
	})
}

// check reads a file to its end and goes back, so that nothing is loaded of one that
// is damaged.
func (f *loadFlags) check(name string, in *os.File) error {
	start, err := in.Seek(0, io.SeekCurrent)
	info, e := in.Stat()
	if err != nil || e != nil || !info.Mode().IsRegular() {
		return nil // it can be read once only
	}
	r, err := dump.NewReader(bufio.NewReaderSize(in, format.ReadSize))
	for err == nil {
		_, err = r.Next()
	}
	var damage *dump.Error
	switch {
	case err == io.EOF || errors.As(err, &damage) && f.salvage && r != nil:
	case errors.As(err, &damage) && r != nil && r.Records > 0:
		return exit.Tell(name, exit.ErrData, "the dump is damaged at %v; nothing was loaded; --salvage loads %s before that", damage, words.Records(r.Records))
	default:
		return badDump(name, err, 0)
	}
	_, err = in.Seek(start, io.SeekStart)
	return err
}
