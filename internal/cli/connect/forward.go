package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/conn"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
)

const forwardLong = `Accept connections on one address and connect each to another, so that programs that
know nothing of connections over shared memory can be joined to such that do.

An address is NAME or conn:NAME, a connection over shared memory; unix:PATH; or
tcp:HOST:PORT. An end of the stream is passed on, and the other direction stays open; so
is a connection that was broken off. What can't be connected is closed, with a line on
standard error.

SIGINT, SIGTERM and SIGHUP end it: it accepts no more, gives open connections --grace to
end, and then breaks them off.`

const forwardExample = `  shmq conn forward web tcp:localhost:8080   # conn.Dial("web") reaches a TCP server
  shmq conn forward tcp:127.0.0.1:8080 web   # curl reaches conn.Listen("web")
  shmq conn forward unix:/run/web.sock web`

// forwarder is a run of the verb.
type forwarder struct {
	from, to address
	mode     flags.Mode
	grace    flags.Grace

	mu   sync.Mutex
	open map[net.Conn]struct{} // both ends of each
	over bool                  // their grace
	wg   sync.WaitGroup
}

func forward() *cobra.Command {
	f := &forwarder{mode: 0o600, open: map[net.Conn]struct{}{}}
	cmd := &cobra.Command{
		Use:     "forward FROM TO",
		Short:   "join a connection over shared memory and a socket",
		Long:    forwardLong,
		Example: forwardExample,
		Args: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) != 2 {
				return exit.Usage("two addresses are needed: FROM, to listen on, and TO, to connect to")
			}
			if f.from, err = parseAddress(args[0]); err == nil {
				f.to, err = parseAddress(args[1])
			}
			switch {
			case err != nil:
			case f.from == f.to:
				err = exit.Usage("FROM and TO are the same: %s", f.from)
			case f.from.network == "tcp" && cmd.Flags().Changed("mode"):
				err = exit.Usage("--mode is for the file of a socket; %s has none", f.from)
			}
			return err
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context()) },
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().Var(&f.mode, "mode", "permissions of the socket's file that it listens on")
	cmd.Flags().Var(&f.grace, "grace", "how long connections may go on after a signal (default 0s)")
	return cmd
}

func (f *forwarder) run(ctx context.Context) error {
	l, err := f.from.listen(ctx, fs.FileMode(f.mode))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("can't listen: %v", err) // no queue is absent
	}
	if err != nil {
		return err
	}
	closed := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { closed <- l.Close() })
	fmt.Fprintf(os.Stderr, "shmq conn forward: %s to %s\n", shown(f.from, l), f.to)
	joining, quit := context.WithCancel(context.WithoutCancel(ctx))
	defer quit()
	err = f.accept(ctx, joining, l)
	if stop() {
		closed <- l.Close()
	}
	shut := <-closed // the socket's file is removed, before the process ends
	if cause := context.Cause(ctx); cause != nil {
		if err = cause; shut != nil {
			complain(shut)
		}
	} else {
		err = errors.Join(err, shut)
	}
	f.finish(quit)
	return err
}

// shown is the address that was got: a port may have been chosen by the kernel.
func shown(from address, l net.Listener) address {
	if from.network == "tcp" {
		from.address = l.Addr().String()
	}
	return from
}

// accept serves until ctx ends. Connections that were accepted by then have until joining ends.
func (f *forwarder) accept(ctx, joining context.Context, l net.Listener) error {
	pause := time.Duration(0)
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			f.wg.Go(func() { f.join(joining, c.(stream)) })
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		}
		// Such as too many open files: it passes when some are closed.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		complain(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func complain(err error) { fmt.Fprintln(os.Stderr, exit.Message("shmq conn forward", err)) }

// join connects a to the other address and copies both ways until both have ended.
func (f *forwarder) join(ctx context.Context, a stream) {
	defer f.hold(a)()
	b, err := f.to.dial(ctx)
	if err != nil {
		complain(err)
		abort(a)
		return
	}
	defer f.hold(b)()
	var wg sync.WaitGroup
	wg.Go(func() { carry(b, a) })
	carry(a, b)
	wg.Wait()
}

// hold has finish break c off until what it returns is called, which closes it.
func (f *forwarder) hold(c net.Conn) (done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[c] = struct{}{}
	if f.over {
		abort(c)
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.open, c)
		_ = c.Close() // perhaps once more
	}
}

// carry copies from one end to the other, and passes on how it ended.
func carry(to, from stream) {
	var err error
	if c, ok := to.(*conn.Conn); ok {
		_, err = c.ReadFrom(from) // io.Copy would ask the socket first, which makes a copy
	} else {
		_, err = io.Copy(to, from)
	}
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil { // the stream is not whole, or nobody takes it
		abort(to)
		abort(from)
	}
}

// abort closes c in a way that the other end can tell from an end in order, where there is
// one.
func abort(c net.Conn) {
	switch c := c.(type) {
	case *net.TCPConn:
		_ = c.SetLinger(0)
	case *conn.Conn:
		_ = c.Abort()
		return
	}
	_ = c.Close()
}

// finish waits for open connections, and then breaks them off; quit ends those that are being made.
func (f *forwarder) finish(quit func()) {
	grace := time.AfterFunc(f.grace.Value(), func() {
		quit()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.over = true
		for c := range f.open {
			abort(c)
		}
	})
	defer grace.Stop()
	f.wg.Wait()
}
