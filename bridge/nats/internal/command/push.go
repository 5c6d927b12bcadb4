package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/internal/crew"

	"github.com/shmq/shmq/bridge/nats/internal/push"
	"github.com/shmq/shmq/bridge/nats/internal/stats"
)

var errRefused = shmq.ErrRefused

type pushFlags struct {
	common
	queue     flags.Queue
	subscribe flags.Subscribe
	subject   string
	outage    flags.Duration
	single    bool
	inFlight  int
	bytes     int
	tooLarge  string
	noSubject string
	dead      string
	format    string
	untilEOF  bool
	strict    bool
	empty     bool
	noCreate  bool
	wait      shmq.WaitPolicy
	mlock     bool
}

const pushLong = `Take the records of a queue and publish them to a JetStream stream. A record is
acknowledged in the queue when the server has acknowledged its message. Each record is in
the stream once and in the order of the queue, whatever is killed meanwhile.

For that, the stream has to remember message ids for as long as the bridge or the server
may be away: --outage. The bridge reads the stream's duplicate window back, and refuses a
shorter one. And nobody else may write to the stream; where others do, --single keeps
the order by sending one record at a time. One bridge to a queue, and no other consumers.

A queue with --consumers each needs --subscription NAME, a place in it that stays while the
bridge is away; other consumers are no matter then. One whose senders wait for nobody (--slow
skip) is refused, since what the bridge is too slow for is lost there.

The subject is a text, or has fields of the record in braces: orders.{customer}. A record
is then a map, such as a JSON object.

Payloads are the records as they are, in msgpack, unless --format says json or lines. The
headers are Nats-Msg-Id, the record's id; Shmq-Queue; and Shmq-Sent-At in a queue with
time stamps.

A server that is away, or a stream that is full, is waited for, for however long; standard
error says so once.

` + exitCodes

const pushExample = `  nats stream add ORDERS --subjects 'orders.>' --dupe-window 10m --defaults
  shmq-nats push orders --stream ORDERS --subject orders.new --outage 10m --too-large refuse
  shmq-nats push orders --stream ORDERS --subject 'orders.{customer}' --too-large dead-letter
  shmq-nats push events --stream EVENTS --subject events --format json --context prod --metrics 127.0.0.1:9466`

func pushVerb() *cobra.Command {
	f := &pushFlags{}
	cmd := &cobra.Command{
		Use:               "push QUEUE --stream STREAM --subject SUBJECT",
		Short:             "publish the records of a queue to a stream",
		Long:              pushLong,
		Example:           pushExample,
		Args:              flags.OneName,
		ValidArgsFunction: flags.CompleteFirstName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.CommandPath(), args[0])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	f.common.add(cmd)
	set.StringVar(&f.subject, "subject", "", "`SUBJECT` of the messages; {FIELD} in it stands for a field of the record")
	f.outage = flags.Duration(2 * time.Minute)
	set.Var(&f.outage, "outage", "the longest `duration` for which bridge or server may be away")
	set.BoolVar(&f.single, "single", false, "send one record at a time, for a stream that others write to as well")
	flags.Int(set, &f.inFlight, "in-flight", "", 1024, 1, fmt.Sprintf("send up to `n` records, %d at most, before the first is acknowledged", push.MaxInFlight))
	flags.Size(set, &f.bytes, "in-flight-bytes", 64<<20, "send up to `n` bytes, and one record more, before the first is acknowledged")
	set.StringVar(&f.tooLarge, "too-large", "", "a record that no message can hold: `refuse|dead-letter`, end there or send it to the queue of dead letters; without the flag the bridge does not start where there may be such records")
	set.StringVar(&f.noSubject, "no-subject", "refuse", "a record that the stream has no subject for, or that --format can't write: `refuse|dead-letter`")
	set.StringVar(&f.dead, "dead-letter", "", "`NAME` of the queue of dead letters; without the flag QUEUE-failed")
	set.StringVar(&f.format, "format", "msgpack", "payloads: `msgpack|json|lines`, the record as it is, as JSON, or a string or binary as it is and anything else as JSON")
	set.BoolVar(&f.untilEOF, "until-eof", false, "stop at the end of the queue's stream: all is published and the last sender has left")
	set.BoolVar(&f.strict, "strict", false, "with --until-eof: exit code 76 unless a sender marked the stream as complete and none was killed")
	set.BoolVar(&f.empty, "until-empty", false, "stop when the queue is empty")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	f.subscribe.Add(cmd)
	flags.AddAttach(cmd, &f.wait, &f.mlock)
	f.queue.Add(cmd)
	for name, words := range map[string][]string{"too-large": policies, "no-subject": policies, "format": {"msgpack", "json", "lines"}} {
		flags.Offer(cmd, name, words...)
	}
	return cmd
}

var policies = []string{string(push.Refuse), string(push.DeadLetter)}

func policy(flag, value string) (push.Policy, error) {
	switch p := push.Policy(value); p {
	case push.Refuse, push.DeadLetter:
		return p, nil
	}
	return "", exit.BadFlag(flag, value, "want refuse or dead-letter")
}

// options turns flags into what the bridge does.
func (f *pushFlags) options() (o push.Options, err error) {
	if err := f.check(); err != nil {
		return o, err
	}
	o = push.Options{
		Stream: f.stream, Outage: f.outage.Value(), Single: f.single, InFlight: f.inFlight, InFlightBytes: f.bytes,
		Strict: f.strict, UntilEmpty: f.empty, Grace: 3 * time.Second,
	}
	if f.subject == "" {
		return o, exit.Usage("--subject is missing: where the messages go, as orders.new or orders.{customer}")
	}
	if o.Subject, err = push.ParseSubject(f.subject); err != nil {
		return o, exit.Usage("%v", err)
	}
	if f.strict && !f.untilEOF {
		return o, exit.Usage("--strict is about the end of a stream; add --until-eof")
	}
	if f.tooLarge != "" {
		if o.TooLarge, err = policy("too-large", f.tooLarge); err != nil {
			return o, err
		}
	}
	if f.inFlight > push.MaxInFlight {
		return o, exit.BadFlag("in-flight", f.inFlight, fmt.Sprintf("want at most %d", push.MaxInFlight))
	}
	if o.NoSubject, err = policy("no-subject", f.noSubject); err != nil {
		return o, err
	}
	switch f.format {
	case "msgpack":
	case "json", "lines":
		found, _ := format.Find(f.format)
		o.Format = &found
	default:
		return o, exit.BadFlag("format", f.format, "want msgpack, json or lines")
	}
	return o, nil
}

func (f *pushFlags) run(ctx context.Context, command, name string) (err error) {
	o, err := f.options()
	if err != nil {
		return err
	}
	tty := &progress.Console{Command: command}
	o.Note = tty.Line
	o.Stats = &stats.Stats{Direction: "push", Queue: name, Stream: f.stream}
	co := &consumer.Options{NoCreate: f.noCreate, Create: f.queue.Options(), Admit: func() error { return f.queue.Check(name) }, UntilEOF: f.untilEOF, Strict: f.strict, Wait: f.wait, Lock: f.mlock}
	f.subscribe.Apply(name, &f.queue, co)
	apply := co.Admit
	co.Admit = func() error { return cmp.Or(apply(), keeps(name, co.Subscription)) }
	if f.watch.Verbose {
		co.Logger = tty.Logger()
	}
	c, err := consumer.OpenRaw(name, co)
	if err != nil {
		return err
	}
	// Gives back what was leased and is not known to be in the stream.
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := f.others(tty, name); err != nil {
		return err
	}
	if o.TooLarge == push.DeadLetter || o.NoSubject == push.DeadLetter {
		dead := f.dead
		if dead == "" {
			dead = name + "-failed"
		}
		if o.Dead, err = crew.OpenDeadQueue(dead, []*consumer.Raw{c}, func(err error) { tty.Line("a dead letter waits: %v", err) }); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, o.Dead.Close()) }()
	}
	l, done, err := f.connect(tty, o.Stats)
	if err != nil {
		return code(err)
	}
	defer done()
	w := &progress.Watch{Console: tty, Flags: f.watch, Queue: name, Did: "pushed", Count: o.Stats.Counters, Waits: waits(l, o.Stats, "waiting for records")}
	w.Begin()
	defer w.Finish()
	return ended(ctx, push.New(o, c, l).Run(ctx))
}

// keeps refuses a queue of which each consumer gets every record where the bridge could not keep
// its promise that each record is in the stream once, whatever is killed.
func keeps(name, subscription string) error {
	info, err := shmq.Stat(name)
	switch {
	case err != nil || info.Consumers != shmq.Each: // what is wrong with it is told by what attaches to it
		return nil
	case info.Skip:
		return exit.Usage("queue %q: its senders wait for no consumer (--slow skip), so records that the bridge is too slow for are lost; push another queue, into which shmq tee sends what it gets of this one", name)
	case subscription == "":
		return exit.Usage("queue %q: each consumer gets every record that is sent while it is there; the bridge needs a place that stays while it is away: --subscription NAME", name)
	}
	return nil
}

// others warns of other consumers of the queue: what they take does not get to the stream,
// and what they give back comes late.
func (f *pushFlags) others(tty *progress.Console, name string) error {
	info, err := shmq.Stat(name)
	if err != nil {
		return err
	}
	if info.Consumers == shmq.Each {
		return nil
	}
	n := 0
	for _, p := range info.Participants {
		if p.Role == shmq.Consumer && p.Alive {
			n++
		}
	}
	if n > 1 {
		tty.Line("queue %q: others receive from it, too: what they take is not pushed, and the order is not kept", name)
	}
	return nil
}
