package testnats

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proxy stands between clients and a server. It can cut all connections, hold back what
// the server says, and refuse to connect.
type Proxy struct {
	URL    string
	to     string
	listen net.Listener

	mu    sync.Mutex
	cond  *sync.Cond
	conns map[net.Conn]bool
	mute  bool // nothing passes from the server
	shut  bool // nobody can connect
	ended bool
	wg    sync.WaitGroup
}

// NewProxy starts a proxy for the server at a URL. It ends with the test.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	at, err := url.Parse(to)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &Proxy{URL: "nats://" + l.Addr().String(), to: at.Host, listen: l, conns: map[net.Conn]bool{}}
	p.cond = sync.NewCond(&p.mu)
	p.wg.Add(1)
	go p.accept()
	t.Cleanup(p.end)
	return p
}

func (p *Proxy) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.listen.Close()
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	defer p.wg.Done()
	for {
		c, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		shut := p.shut || p.ended
		p.mu.Unlock()
		var s net.Conn
		if !shut {
			s, err = net.Dial("tcp", p.to)
		}
		if shut || err != nil {
			c.Close()
			continue
		}
		p.mu.Lock()
		p.conns[c], p.conns[s] = true, true
		p.mu.Unlock()
		p.wg.Add(2)
		go p.pass(s, c, false)
		go p.pass(c, s, true)
	}
}

// pass copies one direction until either end is closed, and closes both.
func (p *Proxy) pass(to, from net.Conn, fromServer bool) {
	defer p.wg.Done()
	defer func() {
		to.Close()
		from.Close()
		p.mu.Lock()
		delete(p.conns, to)
		delete(p.conns, from)
		p.cond.Broadcast()
		p.mu.Unlock()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if fromServer {
			p.mu.Lock()
			for p.mute && p.conns[to] && !p.ended {
				p.cond.Wait()
			}
			open := p.conns[to]
			p.mu.Unlock()
			if !open {
				return
			}
		}
		if _, err := to.Write(buf[:n]); err != nil && err != io.ErrShortWrite {
			return
		}
	}
}

// Cut closes all connections; what is on its way is lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		c.Close()
	}
	p.conns = map[net.Conn]bool{}
	p.cond.Broadcast()
}

// Mute holds back what the server says, or lets it pass again.
func (p *Proxy) Mute(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = on
	p.cond.Broadcast()
}

// Shut refuses new connections, or takes them again.
func (p *Proxy) Shut(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = on
}
