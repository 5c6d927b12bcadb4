// Package link holds the connection to NATS: who the bridge is, what it does while the
// server is away, and the questions it asks of JetStream.
package link

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/natscontext"
)

// Patience is how long the bridge waits for one answer of the server before it asks again.
const Patience = 5 * time.Second

// Options say where the server is and who asks.
type Options struct {
	Context  string // of the nats command: a name, or an absolute path
	Server   string // URLs with commas between them; over that of the context
	Creds    string // file
	NKey     string // file
	User     string
	Password string
	Token    string
	CA       string // file
	Cert     string // file
	Key      string // file
	Client   string // name of the connection, for the server's operator
	// Note tells the operator what happens to the connection, once each time.
	Note func(format string, args ...any)
}

// ErrAccess says that the server refuses the bridge: who it is, or what it may do.
var ErrAccess = errors.New("the server refuses it")

// Link is a connection that is made again whenever it is lost.
type Link struct {
	NC *nats.Conn
	JS jetstream.JetStream

	note   func(format string, args ...any)
	prefix string // of JetStream's API
	epoch  atomic.Uint64
	mu     sync.Mutex
	lost   chan struct{} // closed when the connection of this epoch is lost
	away   bool          // said so
	failed chan struct{} // closed when no connection will be made any more
	reason error
	once   sync.Once
}

// Connect connects. A server that is away is no error: see Ready.
func Connect(o Options) (*Link, error) {
	l := &Link{note: o.Note, lost: make(chan struct{}), failed: make(chan struct{})}
	opts := []nats.Option{
		nats.Name(o.Client),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 500*time.Millisecond),
		// What a publish puts there while the server is away is sent when it is back, long
		// after the bridge has taken it for failed.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(l.disconnected),
		nats.ConnectHandler(l.connected),
		nats.ReconnectHandler(l.connected),
		nats.ReconnectErrHandler(l.unreachable),
		nats.ClosedHandler(func(nc *nats.Conn) { l.fail(nc.LastError()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.trouble(err) }),
	}
	more, err := o.identity()
	if err != nil {
		return nil, err
	}
	opts = append(opts, more...)
	var settings natscontext.Settings
	if o.Context != "" {
		if o.Server != "" {
			opts = append(opts, func(n *nats.Options) error {
				n.Url, n.Servers = "", strings.Split(o.Server, ",")
				return nil
			})
		}
		l.NC, settings, err = natscontext.Connect(o.Context, opts...)
	} else {
		url := o.Server
		if url == "" {
			url = nats.DefaultURL
		}
		l.NC, err = nats.Connect(url, opts...)
	}
	if err != nil {
		return nil, wrap(err)
	}
	switch {
	case settings.JSDomain != "":
		l.prefix = "$JS." + settings.JSDomain + ".API."
		l.JS, err = jetstream.NewWithDomain(l.NC, settings.JSDomain)
	case settings.JSAPIPrefix != "":
		l.prefix = strings.TrimSuffix(settings.JSAPIPrefix, ".") + "."
		l.JS, err = jetstream.NewWithAPIPrefix(l.NC, settings.JSAPIPrefix)
	default:
		l.prefix = "$JS.API."
		l.JS, err = jetstream.New(l.NC)
	}
	if err != nil {
		l.NC.Close()
		return nil, err
	}
	return l, nil
}

// identity returns who the bridge is, as the flags say; they go before the context.
func (o *Options) identity() (opts []nats.Option, err error) {
	if o.Creds != "" {
		if _, err := os.Stat(o.Creds); err != nil {
			return nil, fmt.Errorf("can't read the credentials: %w", err)
		}
		opts = append(opts, nats.UserCredentials(o.Creds))
	}
	if o.NKey != "" {
		opt, err := nats.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, fmt.Errorf("can't use the nkey of %s: %w", o.NKey, err)
		}
		opts = append(opts, opt)
	}
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.Token != "" {
		opts = append(opts, nats.Token(o.Token))
	}
	if o.CA != "" {
		opts = append(opts, nats.RootCAs(o.CA))
	}
	if o.Cert != "" || o.Key != "" {
		opts = append(opts, nats.ClientCert(o.Cert, o.Key))
	}
	return opts, nil
}

// Close ends the connection.
func (l *Link) Close() { l.NC.Close() }

func (l *Link) connected(nc *nats.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		l.note("the server is there: %s", nc.ConnectedUrlRedacted())
	}
	l.away = false
}

func (l *Link) disconnected(nc *nats.Conn, err error) {
	l.mu.Lock()
	l.epoch.Add(1)
	close(l.lost)
	l.lost = make(chan struct{})
	l.mu.Unlock()
	if err == nil {
		err = errors.New("the connection was closed")
	}
	l.unreachable(nc, err)
}

// unreachable says once that the server is away.
func (l *Link) unreachable(nc *nats.Conn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.away && !nc.IsClosed() {
		l.away = true
		l.note("the server is away, and the bridge waits for it: %v", err)
	}
}

// trouble is what the server says beside the answers.
func (l *Link) trouble(err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		l.fail(err)
		return
	}
	l.note("the server says: %v", err)
}

func (l *Link) fail(err error) {
	l.once.Do(func() {
		if err == nil {
			err = nats.ErrConnectionClosed
		}
		l.reason = wrap(err)
		close(l.failed)
	})
}

// wrap marks errors of access.
func wrap(err error) error {
	for _, access := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrPermissionViolation} {
		if errors.Is(err, access) {
			return fmt.Errorf("%w: %w", ErrAccess, err)
		}
	}
	return err
}

// Failed is closed when no connection will be made any more, or the bridge lacks a
// permission; Reason says why.
func (l *Link) Failed() <-chan struct{} { return l.failed }

// Reason returns why Failed is closed, else nil.
func (l *Link) Reason() error {
	select {
	case <-l.failed:
		return l.reason
	default:
		return nil
	}
}

// Epoch is a stretch of time with one connection.
type Epoch struct {
	number uint64
	// Lost is closed when the connection is lost.
	Lost <-chan struct{}
}

// Ready waits until there is a connection, and returns its epoch.
func (l *Link) Ready(ctx context.Context) (Epoch, error) {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		l.mu.Lock()
		e := Epoch{l.epoch.Load(), l.lost}
		l.mu.Unlock()
		if err := l.Reason(); err != nil {
			return e, err
		}
		if l.NC.IsConnected() && e.number == l.epoch.Load() {
			return e, nil
		}
		select {
		case <-ticker.C:
		case <-l.failed:
		case <-ctx.Done():
			return e, context.Cause(ctx)
		}
	}
}

// Is reports whether the connection is still that of the epoch.
func (l *Link) Is(e Epoch) bool { return l.epoch.Load() == e.number && l.NC.IsConnected() }
