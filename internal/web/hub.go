package web

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/graph"
	"github.com/shmq/shmq/internal/watch"
)

var (
	errTooMany = errors.New("too many pages are open")
	errEnding  = errors.New("the server ends")
)

// looker looks at queues: a watch.Collector.
type looker interface {
	Look(closer func(name string) bool) ([]watch.Look, error)
	Close()
}

// hub looks at the queues once for all pages, and only while there are any.
type hub struct {
	options *Options
	looker  func() looker
	most    int // pages at a time

	mu      sync.Mutex
	pages   map[*page]struct{}
	ended   bool
	stop    context.CancelFunc // ends the looks; nil while there is no page
	running sync.WaitGroup

	// The last look, and what pages need of it. changed is closed when there is another.
	changed chan struct{}
	seq     uint64
	now     *scene // nil before the first look since there are pages
	delta   []byte // from seq-1 to seq
	full    []byte // of seq, made when it is asked for
	history histories
}

// page is one that is open in a browser.
type page struct {
	closer string // the queue that it looks at closely
	seq    uint64 // of the last frame that it has got, 0 for none
}

func newHub(o *Options) *hub {
	return &hub{
		options: o, most: mostStreams, pages: map[*page]struct{}{}, changed: make(chan struct{}), history: histories{},
		looker: func() looker { return watch.New(o.Names) },
	}
}

// open takes a page. The first one starts the looks. Errors: errTooMany, errEnding.
func (h *hub) open(closer string) (*page, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ended:
		return nil, errEnding
	case len(h.pages) >= h.most:
		return nil, errTooMany
	}
	p := &page{closer: closer}
	h.pages[p] = struct{}{}
	if h.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		h.stop, h.now = stop, nil
		h.running.Go(func() { h.look(ctx) })
	}
	return p, nil
}

// close lets a page go. The last one ends the looks.
func (h *hub) close(p *page) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.pages, p)
	if len(h.pages) == 0 && h.stop != nil {
		h.stop()
		h.stop = nil
	}
}

// end ends all pages and the looks, and waits for those.
func (h *hub) end() {
	h.mu.Lock()
	if !h.ended {
		h.ended = true
		close(h.changed)
	}
	if h.stop != nil {
		h.stop()
		h.stop = nil
	}
	h.mu.Unlock()
	h.running.Wait()
}

// look looks until ctx ends. The second look comes soon: with it the rates are known.
func (h *hub) look(ctx context.Context) {
	l := h.looker()
	defer l.Close()
	next := time.NewTimer(min(h.options.Interval, 300*time.Millisecond))
	defer next.Stop()
	for {
		looks, err := l.Look(h.closer)
		h.publish(ctx, looks, err)
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			next.Reset(h.options.Interval)
		}
	}
}

// closer reports whether a page looks at a queue closely.
func (h *hub) closer(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p := range h.pages {
		if p.closer == name {
			return true
		}
	}
	return false
}

// publish makes a look the last one. One whose looks were ended meanwhile is dropped.
func (h *hub) publish(ctx context.Context, looks []watch.Look, failed error) {
	var why string
	if failed != nil {
		why = h.options.Reason(failed)
	}
	g := graph.Of(shmq.Dir(), looks, time.Now(), h.options.Reason)
	s, err := newScene(g, why)
	if err != nil { // no value of a graph is beyond JSON but a rate that is no number
		s = &scene{time: g.Time, place: g.Place, err: err.Error()}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended || ctx.Err() != nil {
		return
	}
	h.seq++
	f := s.since(h.now)
	f.Seq = h.seq
	h.delta, _ = json.Marshal(f) // it consists of what was marshalled
	h.now, h.full = s, nil
	if failed == nil {
		h.history.add(g.Queues, g.Time)
	}
	close(h.changed)
	h.changed = make(chan struct{})
}

// next waits for a frame that the page has not got yet, and returns its JSON: what is new if
// it got the one before, else all. Errors: errEnding, and that of ctx.
func (h *hub) next(ctx context.Context, p *page) ([]byte, error) {
	for {
		h.mu.Lock()
		ended, changed := h.ended, h.changed
		if !ended && h.now != nil && p.seq < h.seq {
			b := h.delta
			if p.seq == 0 || p.seq != h.seq-1 {
				b = h.whole()
			}
			p.seq = h.seq
			h.mu.Unlock()
			return b, nil
		}
		h.mu.Unlock()
		if ended {
			return nil, errEnding
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// whole returns the frame that has everything. The lock is held.
func (h *hub) whole() []byte {
	if h.full == nil {
		f := h.now.since(nil)
		f.Seq, f.History, f.Bucket, f.Points = h.seq, h.history, bucket.Milliseconds(), points
		f.Interval = h.options.Interval.Milliseconds()
		h.full, _ = json.Marshal(f) // as publish
	}
	return h.full
}
