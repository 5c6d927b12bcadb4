package command

import (
	"context"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/progress"
	"github.com/shmq/shmq/producer"

	"github.com/shmq/shmq/bridge/nats/internal/pull"
	"github.com/shmq/shmq/bridge/nats/internal/stats"
)

type pullFlags struct {
	common
	queue      flags.Queue
	consumer   string
	noConsumer bool
	filter     []string
	deliver    string
	newStream  bool
	batch      int
	ahead      int
	tooLarge   string
	unreadable string
	dead       string
	format     string
	empty      bool
	noCreate   bool
	sync       producer.Durability
	wait       shmq.WaitPolicy
	mlock      bool
}

const pullLong = `Receive the messages of a JetStream stream through a consumer of it and send them to a
queue. Each message is in the queue once and in the order of the stream, whatever is
killed meanwhile.

For that, each record carries the sequence of its message as its mark, which only a queue
with a single producer has: one that is absent is made so, one with many is refused. The
bridge begins behind the mark of the queue, and sets the consumer back to there (server
2.14 or later). The consumer is for the bridge alone, pulls, acknowledges all or each,
and is made if it is absent.

If the stream is another one than that of the mark, because it was made again or has lost
its end, the bridge says so and ends; --new-stream goes on where the consumer stands.

Records are the payloads as they are, for messages in msgpack, unless --format says json
or lines. Headers and subjects are left behind.

A server that is away, or a queue that is full, is waited for, for however long; standard
error says so once.

` + exitCodes

const pullExample = `  shmq-nats pull --stream ORDERS --consumer shop orders
  shmq-nats pull --stream EVENTS --consumer one --filter 'events.>' --format json events
  shmq-nats pull --stream ORDERS --consumer disk /var/lib/app/orders --sync each --context prod`

func pullVerb() *cobra.Command {
	f := &pullFlags{}
	cmd := &cobra.Command{
		Use:               "pull --stream STREAM --consumer CONSUMER QUEUE",
		Short:             "send the messages of a stream to a queue",
		Long:              pullLong,
		Example:           pullExample,
		Args:              flags.OneName,
		ValidArgsFunction: flags.CompleteFirstName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.CommandPath(), args[0], cmd.Flags().Changed("producers"))
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	f.common.add(cmd)
	set.StringVar(&f.consumer, "consumer", "", "the `CONSUMER` of the stream, for this bridge alone; made if it is absent")
	set.BoolVar(&f.noConsumer, "no-consumer", false, "give up, with exit code 66, when there is no such consumer")
	set.StringArrayVar(&f.filter, "filter", nil, "new consumer: for messages of this `SUBJECT` only, which may have wildcards; may be given again")
	set.StringVar(&f.deliver, "deliver", "all", "new consumer: `all|new`, all that the stream has, or what comes from now on")
	set.BoolVar(&f.newStream, "new-stream", false, "go on with a stream that was made again or has lost its end, where the consumer stands")
	flags.Int(set, &f.batch, "batch", "", 256, 1, "put up to `n` records into the queue in one step")
	flags.Int(set, &f.ahead, "ahead", "", 1024, 2, "ask for up to `n` messages before they can be sent")
	set.StringVar(&f.tooLarge, "too-large", "", "a message that no record can hold: `refuse|dead-letter`, end there or send it to the queue of dead letters; without the flag the bridge does not start where there may be such messages")
	set.StringVar(&f.unreadable, "unreadable", "refuse", "a message that --format can't read: `refuse|dead-letter`")
	set.StringVar(&f.dead, "dead-letter", "", "`NAME` of the queue of dead letters; without the flag QUEUE-failed")
	set.StringVar(&f.format, "format", "msgpack", "payloads: `msgpack|json|lines`, msgpack as it is, JSON, or text, which becomes a string, binary if it is not UTF-8")
	set.BoolVar(&f.empty, "until-empty", false, "stop when the consumer has nothing more")
	set.BoolVar(&f.noCreate, "no-create", false, "give up, with exit code 66, when there is no such queue")
	flags.Text(cmd, &f.sync, "sync", producer.Durability{}, "when records have to be on the disk, before their messages are acknowledged: `each|N|DURATION`", "each")
	flags.AddAttach(cmd, &f.wait, &f.mlock)
	f.queue.Add(cmd)
	for name, words := range map[string][]string{"too-large": policies, "unreadable": policies, "format": {"msgpack", "json", "lines"}, "deliver": {"all", "new"}} {
		flags.Offer(cmd, name, words...)
	}
	return cmd
}

// options turns flags into what the bridge does.
func (f *pullFlags) options() (o pull.Options, err error) {
	if err := f.check(); err != nil {
		return o, err
	}
	o = pull.Options{
		Stream: f.stream, Consumer: f.consumer, NoCreate: f.noConsumer, Filter: f.filter, FromNew: f.deliver == "new",
		NewStream: f.newStream, Batch: f.batch, Ahead: f.ahead, UntilEmpty: f.empty,
	}
	switch {
	case f.consumer == "":
		return o, exit.Usage("--consumer is missing: the name of the stream's consumer, which is made if it is absent")
	case f.deliver != "all" && f.deliver != "new":
		return o, exit.BadFlag("deliver", f.deliver, "want all or new")
	case f.sync.Every == 1: // a record that survived a power cut is behind all before it
		o.Batch = 1
	}
	if f.tooLarge != "" {
		p, err := policy("too-large", f.tooLarge)
		if err != nil {
			return o, err
		}
		o.TooLarge = pull.Policy(p)
	}
	p, err := policy("unreadable", f.unreadable)
	if err != nil {
		return o, err
	}
	o.Unreadable = pull.Policy(p)
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

// admit refuses a queue that has no marks.
func (f *pullFlags) admit(name string) error {
	info, err := shmq.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Producers != shmq.One {
		return exit.Tell(name, errRefused, "it has many producers, and so no marks by which the bridge knows what is in it: make one with shmq create --producers one, and have the other producers send to a queue of their own")
	}
	return f.queue.Check(name)
}

func (f *pullFlags) run(ctx context.Context, command, name string, producers bool) (err error) {
	o, err := f.options()
	if err != nil {
		return err
	}
	create := f.queue.Options()
	if producers && create.Producers != shmq.One {
		return exit.Usage("--producers many: a queue with many producers has no marks by which the bridge knows what is in it")
	}
	create.Producers = shmq.One
	tty := &progress.Console{Command: command}
	o.Note = tty.Line
	o.Stats = &stats.Stats{Direction: "pull", Queue: name, Stream: f.stream}
	po := &producer.Options{NoCreate: f.noCreate, Create: create, AnyShape: true, Wait: f.wait, Lock: f.mlock, Durability: f.sync, Admit: func() error { return f.admit(name) }}
	if f.watch.Verbose {
		po.Logger = tty.Logger()
	}
	p, err := producer.OpenRaw(name, po)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if o.TooLarge == pull.DeadLetter || o.Unreadable == pull.DeadLetter {
		dead := f.dead
		if dead == "" {
			dead = name + "-failed"
		}
		o.Dead = pull.NewLetters(dead, name)
		defer func() { err = errors.Join(err, o.Dead.Close()) }()
	}
	l, done, err := f.connect(tty, o.Stats)
	if err != nil {
		return code(err)
	}
	defer done()
	w := &progress.Watch{Console: tty, Flags: f.watch, Queue: name, Did: "pulled", Count: o.Stats.Counters, Waits: waits(l, o.Stats, "waiting for messages")}
	w.Begin()
	defer w.Finish()
	return ended(ctx, pull.New(o, l, p).Run(ctx))
}
