// Package ask holds the verbs that ask and answer: call and serve.
package ask

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/cli/worker"
	"github.com/shmq/shmq/rpc"
)

const serveLong = `Answer the requests of a queue by running a command for each, and make the queue if it
is absent. Any number of servers may share it. shmq call and package rpc ask.

The command finds the request on its standard input; what it writes to standard output
is the answer. How both correspond to values:
  lines    text: the request with a newline behind it; the answer without its last one
  null     the same, with NUL instead of newline
  json     JSON; the output has to be one value
  msgpack  msgpack; the output has to be one value
  raw      bytes, as they are

A command that ends with another code than 0 is an error of the call: the code exit-N,
or the name of the signal, and the end of its standard error as the text. --exec takes
a line for /bin/sh; words after -- are run as they are, without a shell. The
environment has SHMQ_QUEUE, SHMQ_ID (which names the request for good), SHMQ_SENT_AT
(empty in a queue without time stamps), SHMQ_DEADLINE (empty for a call that waits for
ever), SHMQ_RECORD (1 for the first that this server took), SHMQ_RECORDS (1),
SHMQ_ATTEMPT and SHMQ_REDELIVERED (0, or how often the request was handed out before:
another server may have worked on it). A command gets SIGTERM, and SIGKILL 5 s later,
when its request is too late, after --exec-timeout, and when its caller is gone. One
that can't be started just now, for want of processes or memory, is tried until it
can.

A request is in the queue until its answer was sent: if the server is killed, another
one gets it. Requests that are too late when the server comes to them, and those of
callers that are gone, are skipped. The answer to a caller that does not take it,
because it is stopped for example, is dropped after --answer-wait.

The server goes on until a signal ends it. The signal is passed on to the commands
that run, and what they still answer is sent.

Exit codes: 1 other error, 64 usage, 65 not a queue, or its file was cut, 66 no such
queue, or it was removed, 69 role or seats taken, 71 the kernel refuses, 73 no space
for the queue, 77 no permission, 126 the command can't be run, 127 it is not found,
129 SIGHUP, 130 SIGINT, 143 SIGTERM.`

const serveExample = `  shmq serve upper --exec 'tr a-z A-Z'
  shmq serve sums --format json --jobs 4 -- jq -c '.a + .b'
  shmq serve thumbs --format raw --exec-timeout 9 --exec 'convert - -resize 64 png:-'`

type serveFlags struct {
	queue      flags.Queue
	format     flags.Format
	line       string
	jobs       int
	timeout    flags.Interval
	answerWait flags.Interval
	noCreate   bool
	verbose    bool
	wait       shmq.WaitPolicy

	command []string
}

// Serve returns the verb that answers.
func Serve() *cobra.Command {
	f := &serveFlags{format: flags.Format{Format: format.All[0]}, answerWait: flags.Interval{Duration: flags.Duration(rpc.DefaultAnswerWait)}}
	cmd := &cobra.Command{
		Use:               "serve NAME [flags] [-- COMMAND...]",
		SuggestFor:        []string{"answer", "reply", "server"},
		Short:             "answer requests by running a command for each",
		Long:              serveLong,
		Example:           serveExample,
		Args:              f.args,
		ValidArgsFunction: flags.CompleteFirstName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.CommandPath(), args[0])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.StringVar(&f.line, "exec", "", "run the shell `command` for each request; the words after -- are one without a shell")
	flags.Int(set, &f.jobs, "jobs", "j", 1, 1, "run up to `n` commands at a time")
	flags.AddFormat(cmd, &f.format)
	set.Var(&f.timeout, "exec-timeout", "the command fails when it takes longer than this `duration` (2, 0.5, 200ms, 1m), also if its caller would wait")
	set.Var(&f.answerWait, "answer-wait", "drop an answer when its caller has had no room for it for this `duration`")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "say on stderr which requests are refused and which answers are dropped, and at the end how many there were")
	flags.Text(cmd, &f.wait, "wait", shmq.SpinThenPark, "how to wait: `POLICY` spin-then-park, spin (a whole core) or park (a system call each time)",
		shmq.SpinThenPark.String(), shmq.Spin.String(), shmq.Park.String())
	f.queue.Add(cmd)
	return cmd
}

func (f *serveFlags) args(cmd *cobra.Command, args []string) error {
	dash := cmd.ArgsLenAtDash()
	if dash < 1 { // the NAME itself may stand behind it
		dash = len(args)
	} else if dash == len(args) {
		return exit.Usage("the command after -- is missing")
	}
	if err := flags.OneName(cmd, args[:dash]); err != nil {
		return err
	}
	var err error
	f.command, err = worker.ExecWords(f.line, cmd.Flags().Changed("exec"), args[dash:])
	if err == nil && len(f.command) == 0 {
		err = exit.Usage("the command is missing: --exec COMMAND, or words after --")
	}
	return err
}

func (f *serveFlags) run(ctx context.Context, command, name string) error {
	if _, err := exit.LookPath(f.command[0]); err != nil {
		return exit.Tell(name, err, "no request was taken: %v", err)
	}
	tty := &progress.Console{Command: command}
	counts := new(rpc.Counters)
	o := &rpc.ServeOptions{
		NoCreate: f.noCreate, Create: f.queue.Options(), Admit: func() error { return f.queue.Check(name) },
		Jobs: f.jobs, Timeout: f.timeout.Value(), AnswerWait: f.answerWait.Value(), Wait: f.wait, Counters: counts,
	}
	if f.verbose {
		o.Logger = tty.Logger()
	}
	answerer, done := worker.NewAnswerer(ctx, f.command, f.format.Format)
	defer done()
	begun := time.Now()
	err := rpc.ServeRaw(ctx, name, o, answerer.Handle)
	if f.verbose {
		tty.Line("queue %q: %s", name, served(counts, time.Since(begun)))
	}
	return exit.Ended(ctx, orEnded(ctx, err))
}

// orEnded returns err, or, as a server that ends in order has none, why it ended.
func orEnded(ctx context.Context, err error) error {
	if err == nil {
		return context.Cause(ctx)
	}
	return err
}

func served(c *rpc.Counters, d time.Duration) string {
	return fmt.Sprintf("requests answered: %d, with an error %d; expired %d, of callers that are gone %d, refused %d, answers dropped %d; redelivered %d; in %s",
		c.Answered.Load(), c.Failed.Load(), c.Expired.Load(), c.Gone.Load(), c.Refused.Load(), c.Dropped.Load(), c.Redelivered.Load(), d.Round(time.Millisecond))
}
