package rpc

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
)

const (
	// mostPeers is how many answer queues a server keeps open, beside those of clients that have a
	// request in work, and those that it has parted with during an attempt to attach.
	mostPeers = 256
	// lookEvery is how often a server asks the kernel whether its clients are there: a question
	// of a microsecond for each.
	lookEvery = 100 * time.Millisecond
	// sweepEvery is how often it looks at the directory for answer queues of others that
	// are gone; less often where that takes long.
	sweepEvery = time.Second
	sweepPart  = 100
)

// peers are the clients of a server that it knows.
type peers struct {
	requests string // the path of the request queue
	counters *Counters
	warn     func(msg string, err error)

	mu      sync.Mutex
	known   map[token]*peer
	leaving sync.WaitGroup // peers that are being closed
}

// use returns the peer of a client, which the caller hands back by done.
func (ps *peers) use(client token) (*peer, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.known[client]
	if p != nil && !p.livedLately() {
		ps.forget(p)
		p = nil
	}
	if p == nil {
		var err error
		if p, err = openPeer(ps.requests, client); err != nil {
			return nil, err
		}
		if !p.living() {
			return nil, errors.Join(fs.ErrNotExist, p.close())
		}
		p.seen.Store(sys.MonotonicNanos())
		ps.makeRoom()
		ps.known[client] = p
	}
	p.users++
	return p, nil
}

func (ps *peers) done(p *peer) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p.users--; p.dead && p.users == 0 {
		ps.part(p)
	}
}

// forget takes a peer out of the map, and parts with it when its last user is done.
func (ps *peers) forget(p *peer) {
	delete(ps.known, p.client)
	p.dead = true
	p.end(ErrClientGone)
	if p.users == 0 {
		ps.part(p)
	}
}

// part closes a peer. That may have to wait for others at the queue, for a second or so.
func (ps *peers) part(p *peer) {
	ps.leaving.Go(func() { _ = p.close() }) // whatever it says, the client is gone, or will be opened anew
}

// makeRoom forgets peers without users when there are many: the one whose request is the longest ago,
// but first those that need not be told of dropped answers. The callers of such answers wait until
// their deadlines.
func (ps *peers) makeRoom() {
	for len(ps.known) >= mostPeers {
		var oldest *peer
		for _, p := range ps.known {
			if p.users == 0 && (oldest == nil || p.before(oldest)) {
				oldest = p
			}
		}
		if oldest == nil {
			return
		}
		delete(ps.known, oldest.client)
		oldest.dead = true
		ps.part(oldest)
	}
}

// before reports whether p is to be forgotten before another one.
func (p *peer) before(other *peer) bool {
	if mine, its := p.untold() > 0, other.untold() > 0; mine != its {
		return its
	}
	return p.seen.Load() < other.seen.Load()
}

// look forgets peers that are gone, removes their queues, and tells the others of what they did
// not get.
func (ps *peers) look() {
	for _, p := range ps.all() {
		if !p.living() {
			ps.remove(p.path)
		} else if p.untold() > 0 {
			p.tell()
		}
		ps.mu.Lock()
		if !p.dead && !p.living() {
			ps.forget(p)
		}
		ps.mu.Unlock()
		ps.done(p)
	}
}

// all returns the peers, each to be handed back by done.
func (ps *peers) all() (all []*peer) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.known {
		p.users++
		all = append(all, p)
	}
	return all
}

// sweep removes the answer queues of clients that are gone and that this server does not know.
func (ps *peers) sweep() {
	paths, err := answerPaths(ps.requests)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		ps.warn("shmq: can't look for answer queues of clients that are gone", err)
	}
	for _, path := range paths {
		ps.remove(path)
	}
}

// remove removes the answer queue at path if its client is gone. That of another user can't be
// removed in a sticky directory: its own processes, and shmq gc, will.
func (ps *peers) remove(path string) {
	gone, err := collect(path, false)
	switch {
	case gone && err == nil:
		ps.counters.Collected.Add(1)
	case err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, shmq.ErrRemoved):
		ps.warn("shmq: an answer queue of a client that is gone stays", err)
	}
}

// watch looks after the peers until ctx ends.
func (ps *peers) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	next := time.Now().Add(sweepEvery)
	for {
		if begun := time.Now(); begun.After(next) {
			ps.sweep()
			next = time.Now().Add(max(sweepEvery, sweepPart*time.Since(begun)))
		}
		ps.look()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// close leaves all peers; no request is in work.
func (ps *peers) close() {
	ps.mu.Lock()
	for _, p := range ps.known {
		ps.forget(p)
	}
	ps.mu.Unlock()
	ps.leaving.Wait()
}
