package serve

import (
	"net"
	"net/http"
	"sync"
)

// maxClients is how many connections there are at a time. Each has a descriptor, and may have
// an answer in memory that it does not read.
const maxClients = 32

// clients are the connections of a server. One more than limit takes the place of another:
// of one without a request if there is any, else of the one whose request is the oldest.
type clients struct {
	limit int

	mu     sync.Mutex
	now    uint64 // counts changes
	active map[net.Conn]uint64
	quiet  map[net.Conn]uint64
}

func newClients(limit int) *clients {
	return &clients{limit: limit, active: map[net.Conn]uint64{}, quiet: map[net.Conn]uint64{}}
}

// changed is for http.Server.ConnState.
func (c *clients) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now++
	delete(c.active, conn)
	delete(c.quiet, conn)
	switch state {
	case http.StateActive:
		c.active[conn] = c.now
	case http.StateIdle:
		c.quiet[conn] = c.now
	case http.StateNew:
		if len(c.active)+len(c.quiet) >= c.limit {
			c.close()
		}
		c.quiet[conn] = c.now
	}
}

// close closes a connection. The server finds that out, and forgets it again.
func (c *clients) close() {
	from := c.quiet
	if len(from) == 0 {
		from = c.active
	}
	var oldest net.Conn
	for conn, since := range from {
		if oldest == nil || since < from[oldest] {
			oldest = conn
		}
	}
	delete(from, oldest)
	_ = oldest.Close()
}
