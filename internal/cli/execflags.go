package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
)

// execFlags say which command is run for each record, and what follows from its end.
type execFlags struct {
	line      string
	jobs      int
	retries   int
	onFailure onFailure
	dead      string

	command []string // nil for none
	set     func(name string) bool
}

func (f *execFlags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	f.set = set.Changed
	set.StringVar(&f.line, "exec", "", "run the shell `command` for each record; the words after -- are one without a shell")
	set.IntVarP(&f.jobs, "jobs", "j", 1, "command: run up to `n` at a time")
	set.IntVar(&f.retries, "retries", 3, "command: try a record up to `n` times more when it fails, after 100 ms, 200 ms and so on")
	set.Var(&f.onFailure, "on-failure", "command: what becomes of a record after that: stop leaves it in the queue and ends the receiver, drop acknowledges it and goes on")
	set.StringVar(&f.dead, "dead-letter", "", "command: send such a record to this `queue`, acknowledge it and go on")
	cmd.MarkFlagsMutuallyExclusive("on-failure", "dead-letter")
	_ = cmd.RegisterFlagCompletionFunc("on-failure", cobra.FixedCompletions([]string{"stop", "drop"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("dead-letter", completeNames)
}

// args wants one NAME, and takes the words after -- as the command.
func (f *execFlags) args(cmd *cobra.Command, args []string) error {
	dash := cmd.ArgsLenAtDash()
	if dash < 1 { // the NAME itself may stand behind it
		dash = len(args)
	} else if dash == len(args) {
		return usageError{"the command after -- is missing"}
	}
	if err := oneName(cmd, args[:dash]); err != nil {
		return err
	}
	given := f.set("exec")
	switch words := args[dash:]; {
	case given && len(words) > 0:
		return usageError{"there is a command after --, and --exec; one is enough"}
	case given && f.line == "":
		return usageError{"invalid argument \"\" for \"--exec\" flag: want a command"}
	case given:
		f.command = []string{"/bin/sh", "-c", f.line}
	case len(words) > 0:
		f.command = words
	default:
		for _, name := range []string{"jobs", "retries", "on-failure", "dead-letter"} {
			if f.set(name) {
				return usageError{fmt.Sprintf("--%s is for commands; add --exec", name)}
			}
		}
	}
	return nil
}

// check finds mistakes before anything is received.
func (f *execFlags) check(queue string) error {
	if f.command == nil {
		return nil
	}
	for _, n := range []struct {
		name       string
		value, min int
	}{{"jobs", f.jobs, 1}, {"retries", f.retries, 0}} {
		if n.value < n.min {
			return usageError{fmt.Sprintf("invalid argument \"%d\" for \"--%s\" flag: want at least %d", n.value, n.name, n.min)}
		}
	}
	if f.set("dead-letter") {
		from, err := shmq.Path(queue)
		if err != nil {
			return err
		}
		to, err := shmq.Path(f.dead)
		if err != nil {
			return err
		}
		if from == to {
			return usageError{fmt.Sprintf("--dead-letter %s is the queue itself; want another one", f.dead)}
		}
	}
	if _, err := lookUp(f.command[0]); err != nil {
		return tell(queue, err, "nothing was received: %v", err)
	}
	return nil
}

// lookUp returns the path of a command. Errors: errNotFound, errCantRun.
func lookUp(command string) (string, error) {
	path, err := exec.LookPath(command)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: %w", errNotFound, err)
	}
	return "", fmt.Errorf("%w: %w", errCantRun, err)
}

func (f *execFlags) drop() bool { return f.onFailure == "drop" }

// openDead opens the queue for records that failed. If it is absent it gets the size of
// the queue they come from, so that each fits.
func (f *execFlags) openDead(from string) (*producer.Raw, error) {
	if !f.set("dead-letter") {
		return nil, nil
	}
	info, err := shmq.Stat(from)
	if err != nil {
		return nil, err
	}
	return producer.OpenRaw(f.dead, &producer.Options{Create: shmq.Options{Slots: info.Slots, SlotSize: info.SlotSize, Seats: info.Seats}})
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
