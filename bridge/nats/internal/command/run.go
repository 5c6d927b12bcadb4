package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/program"
	"github.com/shmq/shmq/internal/cli/progress"

	"github.com/shmq/shmq/bridge/nats/internal/link"
	"github.com/shmq/shmq/bridge/nats/internal/pull"
	"github.com/shmq/shmq/bridge/nats/internal/push"
	"github.com/shmq/shmq/bridge/nats/internal/stats"
)

// Main runs the command, and returns its exit code.
func Main() int { return program.Main(Root()) }

// code gives an error of the bridge the exit code of an error of the library that is like
// it.
func code(err error) error {
	for _, like := range []struct {
		err error
		is  error
	}{
		{push.ErrUnfit, exit.ErrData},
		{push.ErrSettings, errRefused},
		{pull.ErrUnfit, exit.ErrData},
		{pull.ErrSettings, errRefused},
		{pull.ErrOther, os.ErrNotExist},
		{link.ErrAccess, os.ErrPermission},
		{jetstream.ErrStreamNotFound, os.ErrNotExist},
		{jetstream.ErrConsumerNotFound, os.ErrNotExist},
	} {
		if errors.Is(err, like.err) {
			return &coded{err, like.is}
		}
	}
	if errors.As(err, new(*link.MadeAgain)) {
		return &coded{err, os.ErrNotExist}
	}
	return err
}

// coded is an error with the exit code of another.
type coded struct {
	error
	as error
}

func (e *coded) Unwrap() []error { return []error{e.as, e.error} }

// common are the flags of both verbs.
type common struct {
	server  link.Options
	stream  string
	metrics string
	watch   progress.Flags
}

func (c *common) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&c.stream, "stream", "", "the JetStream `STREAM`")
	set.StringVar(&c.server.Context, "context", os.Getenv("NATS_CONTEXT"), "a context of the nats command: its `NAME`, or the absolute path of its file; $NATS_CONTEXT")
	set.StringVarP(&c.server.Server, "server", "s", os.Getenv("NATS_URL"), "`URL` of the server, several with commas; $NATS_URL, else that of the context, else nats://127.0.0.1:4222")
	set.StringVar(&c.server.Creds, "creds", os.Getenv("NATS_CREDS"), "`FILE` of credentials; $NATS_CREDS")
	set.StringVar(&c.server.NKey, "nkey", os.Getenv("NATS_NKEY"), "`FILE` of an nkey's seed; $NATS_NKEY")
	set.StringVar(&c.server.User, "user", os.Getenv("NATS_USER"), "`NAME` of the user, with the password in $NATS_PASSWORD; $NATS_USER")
	set.StringVar(&c.server.CA, "tlsca", os.Getenv("NATS_CA"), "`FILE` of the authorities that sign the server's certificate; $NATS_CA")
	set.StringVar(&c.server.Cert, "tlscert", os.Getenv("NATS_CERT"), "`FILE` of the client's certificate; $NATS_CERT")
	set.StringVar(&c.server.Key, "tlskey", os.Getenv("NATS_KEY"), "`FILE` of that certificate's key; $NATS_KEY")
	set.StringVar(&c.metrics, "metrics", "", "serve metrics for Prometheus at this `ADDRESS`, as 127.0.0.1:9466")
	c.watch.Add(cmd)
}

func (c *common) check() error {
	switch {
	case c.stream == "":
		return exit.Usage("--stream is missing: the name of the JetStream stream")
	case (c.server.Cert == "") != (c.server.Key == ""):
		return exit.Usage("--tlscert and --tlskey go together")
	}
	return nil
}

// connect connects, and serves metrics if that is asked for; done ends both.
func (c *common) connect(tty *progress.Console, s *stats.Stats) (l *link.Link, done func(), err error) {
	c.server.Password, c.server.Token = os.Getenv("NATS_PASSWORD"), os.Getenv("NATS_TOKEN")
	c.server.Client = fmt.Sprintf("shmq-nats %s %s", s.Direction, s.Queue)
	c.server.Note = tty.Line
	var listen net.Listener
	if c.metrics != "" {
		if listen, err = net.Listen("tcp", c.metrics); err != nil {
			return nil, nil, exit.Usage("can't serve metrics: %v", err)
		}
	}
	if l, err = link.Connect(c.server); err != nil {
		if listen != nil {
			listen.Close()
		}
		return nil, nil, err
	}
	s.Connected = l.NC.IsConnected
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	if listen != nil {
		tty.Line("metrics are at http://%s/metrics", listen.Addr())
		go func() { _ = server.Serve(listen) }() // until done
	}
	return l, func() {
		_ = server.Close()
		l.Close()
	}, nil
}

// waits says what a bridge waits for whose numbers stand still.
func waits(l *link.Link, s *stats.Stats, otherwise string) func() string {
	return func() string {
		switch {
		case !l.NC.IsConnected():
			return "waiting for the server"
		case s.InFlight.Load() > 0:
			return fmt.Sprintf("%d on their way", s.InFlight.Load())
		}
		return otherwise
	}
}

// ended returns how a bridge ends: by a signal, or with an error that has its code.
func ended(ctx context.Context, err error) error {
	var signal exit.Signal
	if err != nil && errors.As(context.Cause(ctx), &signal) {
		return signal
	}
	if err == nil {
		return nil
	}
	return code(err)
}
