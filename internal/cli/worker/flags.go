package worker

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
)

// Flags say which command is run for each record, and what follows from its end.
type Flags struct {
	line      string
	jobs      int
	batch     int
	key       string
	retries   int
	timeout   flags.Interval
	onFailure onFailure
	dead      string

	names   []string // of queues
	command []string // nil for none
	set     func(name string) bool
}

// Add adds the flags to those of a command.
func (f *Flags) Add(cmd *cobra.Command) {
	set := cmd.Flags()
	f.set = set.Changed
	set.StringVar(&f.line, "exec", "", "run the shell `command` for each record; the words after -- are one without a shell")
	flags.Int(set, &f.jobs, "jobs", "j", 1, 1, "command: run up to `n` at a time")
	flags.Int(set, &f.batch, "batch", "", 1, 1, "command: run it for up to `n` records at a time, as many as are ready; they are acknowledged together")
	set.StringVar(&f.key, "key", "", "command: work on records whose `field` of this name has the same value one after the other, in their order, whatever --jobs says")
	set.Var(&f.timeout, "exec-timeout", "command: it fails when it takes longer than this `duration` (2, 0.5, 200ms, 1m): it gets SIGTERM, and SIGKILL after 5 s")
	flags.Int(set, &f.retries, "retries", "", 3, 0, "command: try a record up to `n` times more when it fails, after 100 ms, 200 ms and so on, or a little less")
	set.Var(&f.onFailure, "on-failure", "command: what becomes of a record after that: stop leaves it in the queue and ends the receiver, drop acknowledges it and goes on")
	flags.Given(set, &f.dead, "dead-letter", "command: send such a record to this `queue`, with the reason, acknowledge it and go on; shmq requeue puts it back")
	flags.Exclusive(cmd, "on-failure", "dead-letter")
	flags.Offer(cmd, "on-failure", "stop", "drop")
	_ = cmd.RegisterFlagCompletionFunc("dead-letter", flags.CompleteNames)
}

// Args wants one NAME or more, and takes the words after -- as the command.
func (f *Flags) Args(cmd *cobra.Command, args []string) error {
	dash, want := cmd.ArgsLenAtDash(), flags.Names
	switch {
	case dash == 0: // a NAME itself may stand behind it
		dash, want = len(args), flags.OneName
	case dash < 0:
		dash = len(args)
	case dash == len(args):
		return exit.Usage("the command after -- is missing")
	}
	f.names = args[:dash]
	if err := want(cmd, f.names); err != nil {
		return err
	}
	command, err := ExecWords(f.line, f.set("exec"), args[dash:])
	if err != nil {
		return err
	}
	if f.command = command; len(command) == 0 {
		for _, name := range []string{"jobs", "batch", "key", "exec-timeout", "retries", "on-failure", "dead-letter"} {
			if f.set(name) {
				return exit.Usage("--%s is for commands; add --exec", name)
			}
		}
		f.command = nil
	}
	return nil
}

// Check finds mistakes before anything is received.
func (f *Flags) Check() error {
	if f.command == nil {
		return nil
	}
	if f.set("key") && f.key == "" {
		return exit.BadFlag("key", "", "want the name of a field")
	}
	if f.set("dead-letter") {
		to, err := shmq.Path(f.dead)
		if err != nil {
			return err
		}
		for _, queue := range f.names {
			from, err := shmq.Path(queue)
			if err != nil {
				return err
			}
			if from == to {
				return exit.Usage("--dead-letter %s is the queue itself; want another one", f.dead)
			}
		}
	}
	if _, err := exit.LookPath(f.command[0]); err != nil {
		return exit.TellOf(f.names, err, "nothing was received: %v", err)
	}
	return nil
}

// Names returns the names of the queues.
func (f *Flags) Names() []string { return f.names }

// Given reports whether a command is to be run.
func (f *Flags) Given() bool { return f.command != nil }

// Options returns what the flags ask for.
func (f *Flags) Options() Options {
	return Options{
		Command: f.command, Jobs: f.jobs, Batch: f.batch, Key: f.key, Retries: f.retries, Timeout: f.timeout.Value(),
		Drop: f.onFailure == "drop", Dead: f.dead,
	}
}

// onFailure is a flag.
type onFailure string

func (o *onFailure) Type() string { return "stop|drop" }

func (o *onFailure) String() string {
	if *o == "" {
		return "stop"
	}
	return string(*o)
}

func (o *onFailure) Set(s string) error {
	if s != "stop" && s != "drop" {
		return errors.New("want stop or drop")
	}
	*o = onFailure(s)
	return nil
}
