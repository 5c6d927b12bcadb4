package ask

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/rpc"
)

const callLong = `Send a request to a queue, wait for the answer of a server (shmq serve, or a Go
program with package rpc) and write it to standard output.

The request is all of standard input. Each WORD is a request instead; with --each so
is each record of the input, a line or a JSON value for example, up to --jobs of them
in flight at a time. Answers are written in the order of the requests.

How requests and answers correspond to values:
  lines    text: a request without its last newline, an answer with a newline behind it
  null     the same, with NUL instead of newline
  json     JSON; a request has to be one value
  msgpack  msgpack; a request has to be one value
  raw      bytes, as they are

A call waits until it is answered, unless there is a --timeout: for room in the queue,
for a server, and for the answer. The server learns how long, and skips a request that
is too late. --nonblock gives up when no server is attached. A server that is killed
leaves the request to another one; the answer comes once.

A call that fails says so on standard error, with the code and the text of the server,
and has no line in the output; others go on. So does one that --timeout ends. Where
there are several requests its number is told, 1 for the first.

Exit codes: 0 all calls were answered, 1 other error, 64 usage, 65 bad input, a
request that is too large, not a queue, or its file was cut, 66 no such queue, or it
was removed, 69 no server is attached (--nonblock, --timeout), or role or seats taken,
71 the kernel refuses, 73 no space for the queue, 77 no permission, 123 a call failed
at the server, 124 no answer in time though a server is attached (--timeout), 129
SIGHUP, 130 SIGINT, 141 nobody reads the output, 143 SIGTERM. If calls failed for
several reasons it is 124, else 69, else 65, else 123.`

const callExample = `  echo hello | shmq call upper
  shmq call upper hello 'and again'
  shmq call sums --format json --timeout 2s '{"a": 1, "b": 2}'
  shmq call thumbs --format raw --max-answer 4m < photo.jpg > thumb.png
  shmq call upper --each --jobs 16 < names`

type callFlags struct {
	queue     flags.Queue
	format    flags.Format
	each      bool
	jobs      int
	timeout   flags.Duration
	nonblock  bool
	noCreate  bool
	maxAnswer int
	verbose   bool
	wait      shmq.WaitPolicy
}

// Call returns the verb that asks.
func Call() *cobra.Command {
	f := &callFlags{format: flags.Format{Format: format.All[0]}}
	cmd := &cobra.Command{
		Use:               "call NAME [WORD...]",
		SuggestFor:        []string{"ask", "request", "invoke"},
		Short:             "send requests, and write the answers",
		Long:              callLong,
		Example:           callExample,
		Args:              f.args,
		ValidArgsFunction: flags.CompleteFirstName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.CommandPath(), args[0], args[1:])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	flags.AddFormat(cmd, &f.format)
	set.BoolVar(&f.each, "each", false, "a request for each record of the input, as --format cuts it: a line, a JSON value")
	flags.Int(set, &f.jobs, "jobs", "j", 1, 1, "have up to `n` calls in flight")
	set.Var(&f.timeout, "timeout", "give up on a call that is not answered within this `duration` (2, 0.5, 200ms, 1m): exit code 124, or 69 when no server is attached")
	set.BoolVar(&f.nonblock, "nonblock", false, "give up, with exit code 69, when no server is attached")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	flags.Size(set, &f.maxAnswer, "max-answer", rpc.DefaultMaxAnswer, "have room for answers of so many `bytes`")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "say on stderr what was recovered from participants that died")
	flags.Text(cmd, &f.wait, "wait", shmq.SpinThenPark, "how to wait: `POLICY` spin-then-park, spin (a whole core) or park (a system call each time)",
		shmq.SpinThenPark.String(), shmq.Spin.String(), shmq.Park.String())
	f.queue.Add(cmd)
	return cmd
}

// args wants a NAME. Words behind it are requests.
func (f *callFlags) args(cmd *cobra.Command, args []string) error {
	if err := flags.Names(cmd, args); err != nil || len(args) == 1 {
		return err
	}
	if f.each {
		return exit.Usage("there are words to send, and --each, which is about the input; one is enough")
	}
	if f.format.Word == nil {
		return exit.Usage("words can't be --format %s; use standard input", f.format.Name)
	}
	return nil
}

func (f *callFlags) run(ctx context.Context, command, name string, words []string) (err error) {
	if err := exit.LostOutput(name); err != nil {
		return err
	}
	if err := f.queue.Check(name); err != nil {
		return err
	}
	tty := &progress.Console{Command: command}
	o := &rpc.DialOptions{NoCreate: f.noCreate, Create: f.queue.Options(), MaxAnswer: f.maxAnswer, Wait: f.wait}
	if f.verbose {
		o.Logger = tty.Logger()
	}
	client, err := rpc.DialRaw(name, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	out := pump.NewOutput()
	ctx, cancel := out.EndWithReader(ctx)
	defer cancel(nil)
	c := &caller{callFlags: f, ctx: ctx, name: name, client: client, out: out, tty: tty}
	if f.nonblock && !client.Served() {
		return exit.Tell(name, rpc.ErrNoServer, "%s", noServer(name))
	}
	return c.run(words)
}
