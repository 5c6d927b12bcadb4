package rpc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/share"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// peer is a client, as its server sees it: an answer queue. The file is opened once, without
// following a link, and everything goes by its descriptor: what is checked is what is written to,
// whatever the name means by then. It is mapped and attached to when a request has been found to be
// its client's.
type peer struct {
	client token
	path   string
	seal   seal

	file *os.File
	gone context.Context // ends when the client is gone
	end  context.CancelCauseFunc

	attach func() (*producer.Raw, error) // openRaw but in tests

	seen atomic.Int64 // when it was last known to be there, of sys.MonotonicNanos

	share *share.Share // of out
	stall stall

	mu      sync.Mutex
	out     *producer.Raw // nil until the queue is attached to; then it stays
	trying  chan struct{} // closed when an attempt to attach has ended; nil while there is none
	began   time.Time     // the attempt
	slow    bool          // an attempt outlasted a request's patience; until one succeeds no request waits
	left    bool          // by close: an attempt that ends now leaves at once
	refused error         // of the last attempt
	lost    []uint64      // calls whose answers were dropped, to be told of

	users int  // under peers.mu
	dead  bool // under peers.mu: not in the map any more
}

const (
	// What an answer queue may be like. Recovering a dead participant looks at all of its
	// slots, so a client that makes a huge one would keep its server busy.
	maxAnswerSlots = 1 << 16
	minAnswer      = 256
	// mostLost is how many dropped answers a client is told of at most: the first ones. The
	// callers of others wait until their contexts end.
	mostLost = 1024
)

var errNoAnswers = errors.New("it can't be an answer queue")

// openPeer opens the answer queue of a client. Errors: fs.ErrNotExist when it is gone.
func openPeer(requests string, client token) (*peer, error) {
	p := &peer{client: client, path: answersPath(requests, client), share: share.New(shmq.ErrFull)}
	f, err := sys.Open(p.path, true, false)
	if err != nil {
		return nil, err
	}
	h, err := checkAnswers(f)
	if err == nil {
		p.seal, err = newSeal(h.CreationID)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p.path, err), f.Close())
	}
	p.file = f.OSFile()
	p.gone, p.end = context.WithCancelCause(context.Background())
	p.attach = p.openRaw
	return p, nil
}

func checkAnswers(f *sys.File) (layout.Header, error) {
	if err := place.OnThisMachine(f, "the answer queue"); err != nil {
		return layout.Header{}, err
	}
	h, err := place.ReadHeader(f)
	switch {
	case err != nil:
		return h, err
	case h.ManyConsumers, h.Each, h.Checksum, h.Slots > maxAnswerSlots, h.MaxRecord() < minAnswer:
		return h, fmt.Errorf("%w: want one consumer, no checksums, up to %d slots, and records of %d bytes", errNoAnswers, maxAnswerSlots, minAnswer)
	}
	return h, nil
}

// living reports whether the client is there. A client that is stopped is.
func (p *peer) living() (held bool) {
	err := sys.With(p.file, func(f *sys.File) (err error) {
		held, err = f.Locked(layout.LockConsumer)
		return err
	})
	return held || err != nil && !errors.Is(err, fs.ErrClosed)
}

// livedLately is living, but believes an answer that is not older than a millisecond.
func (p *peer) livedLately() bool {
	now := sys.MonotonicNanos()
	if now-p.seen.Load() < int64(time.Millisecond) {
		return true
	}
	if !p.living() {
		return false
	}
	p.seen.Store(now)
	return true
}

// errSlow: a request does not wait for an attempt to attach.
var errSlow = errors.New("the answer queue can't be attached to in time")

// ready returns when the peer is attached to, or ctx ends. Attaching may have to wait for what
// other processes do to the queue, so it goes on by itself when a request does not wait any longer.
// When an attempt has taken most, its request and all further ones do not wait, until one succeeds.
func (p *peer) ready(ctx context.Context, most time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out != nil {
		return nil
	}
	trying := p.try()
	if p.late(most) {
		return errSlow
	}
	p.mu.Unlock()
	select {
	case <-trying:
	case <-ctx.Done():
	}
	p.mu.Lock()
	switch {
	case p.out != nil:
		return nil
	case p.trying == trying: // it goes on
		p.late(most)
		return fmt.Errorf("%w: %w", errSlow, context.Cause(ctx))
	}
	return p.refused
}

// late reports whether a request that waits for at most that long need not. The caller has the mutex.
func (p *peer) late(most time.Duration) bool {
	p.slow = p.slow || p.trying != nil && time.Since(p.began) >= most
	return p.slow
}

func (p *peer) isAttached() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out != nil
}

// try begins an attempt to attach unless there is one. The caller has the mutex.
func (p *peer) try() chan struct{} {
	if p.trying == nil {
		p.trying, p.began = make(chan struct{}), time.Now()
		go p.open(p.trying)
	}
	return p.trying
}

func (p *peer) open(over chan struct{}) {
	defer close(over)
	out, err := p.attach()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trying, p.refused = nil, err
	if p.left {
		_ = p.leave(out) // the peer is of no more use
		return
	}
	p.out, p.slow = out, p.slow && out == nil
}

func (p *peer) openRaw() (*producer.Raw, error) {
	return producer.OpenRaw(shmq.FileName(p.file), &producer.Options{NoCreate: true, AnyShape: true})
}

// close leaves the peer, which nobody uses. It does not wait for an attempt to attach, which may
// take some time yet and leaves when it has ended.
func (p *peer) close() error {
	p.end(ErrClientGone)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = true
	if p.trying != nil {
		return nil
	}
	return p.leave(p.out)
}

// leave closes what an attempt has opened, if it has, and the file.
func (p *peer) leave(out *producer.Raw) error {
	var err error
	if out != nil {
		err = out.Close()
	}
	return errors.Join(err, p.file.Close())
}

// errNoRoom: an answer was dropped.
var errNoRoom = fmt.Errorf("%w: the client does not take its answers", shmq.ErrFull)

// trySend sends an answer if there is room, and nobody waits for it.
func (p *peer) trySend(record []byte) error {
	called, err := p.share.Try(func() error { return p.out.TrySend(record) })
	switch {
	case !called, errors.Is(err, shmq.ErrFull):
		return errNoRoom
	case err == nil:
		p.stall.found()
	}
	return err
}

// send sends an answer, and waits for room until ctx ends.
func (p *peer) send(ctx context.Context, record []byte) error {
	err := p.share.Do(ctx, func() error { return p.out.TrySend(record) }, func() error { return p.out.Send(ctx, record) })
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return errNoRoom
	}
	return err
}

// lose notes that the client is to be told of an answer that it did not get.
func (p *peer) lose(call uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lost) < mostLost {
		p.lost = append(p.lost, call)
	}
}

func (p *peer) untold() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lost)
}

// tell tells the client of answers that it did not get, as far as there is room.
func (p *peer) tell() {
	p.mu.Lock()
	if p.out == nil {
		p.try()
		p.mu.Unlock()
		return
	}
	lost := p.lost
	p.lost = nil
	p.mu.Unlock()
	for i, call := range lost {
		record := appendError(nil, call, &Error{CodeDropped, "the answer queue could not take the answer in time"}, p.out.MaxRecord())
		if p.trySend(record) != nil {
			p.mu.Lock()
			p.lost = append(lost[i:], p.lost...)
			p.lost = p.lost[:min(len(p.lost), mostLost)]
			p.mu.Unlock()
			return
		}
	}
}
