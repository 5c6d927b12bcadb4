//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// goneOn is how many records have to arrive after a death, unless a peer says otherwise: more
// than a ring holds, so that a slot which the dead end has left is come to again.
const goneOn = 5000

// patience is how long the others may take to go on, unless a peer takes longer.
var patience = time.Second

// before is how many have to arrive before it.
const before = 1000

// outcome is what became of the others when an end was killed.
type outcome struct {
	on     bool          // records of a fresh end arrived
	after  time.Duration // the first of them
	failed error         // an end gave up, of its own accord
	lost   uint64        // sends that returned and never arrived, or records that the dead consumer took and had not counted
	again  uint64        // records that came twice, or late
	torn   uint64
}

// killThem kills producers and consumers of each peer at random instants, and starts fresh ones.
func killThem(w io.Writer, ps []*peer, times int) error {
	fmt.Fprintf(w, "\n| | producer killed, a fresh one to the same consumer | consumer killed, a fresh one from the same producer |\n|---|---|---|\n")
	for _, p := range ps {
		if p.dies != "" || p.threads {
			why := p.dies
			if p.threads {
				why = "threads of one process: they die together"
			}
			fmt.Fprintf(w, "| %s | %s | |\n", p.name, why)
			continue
		}
		var cells [2]string
		for i, role := range []string{"sender", "receiver"} {
			var outcomes []outcome
			for range max(times/max(p.costly, 1), 1) {
				o, err := p.die(role)
				if err != nil {
					return err
				}
				outcomes = append(outcomes, o)
			}
			cells[i] = tell(outcomes)
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", p.name, cells[0], cells[1])
	}
	return nil
}

// die kills the sender or the receiver of a stream of records, starts another in its place,
// and sees what arrives. It is an error if the stream did not even start.
func (p *peer) die(role string) (o outcome, err error) {
	s, err := open(p, true)
	if err != nil {
		return o, err
	}
	defer s.close()
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s, before any death: %w", p.name, err)
		}
	}()
	enough := uint64(max(p.goneOn, goneOn))
	all, err := progresses(s.dir)
	if err != nil {
		return o, err
	}
	defer unmap(all)
	sender, receiver, fresh := &all[0], &all[1], &all[2]
	if err := s.ready(small); err != nil {
		return o, err
	}
	for i, e := range []*end{s.receiver, s.sender} {
		if err := e.stream(0, 1-i); err != nil {
			return o, err
		}
	}
	for late := time.Now().Add(longest); receiver.total.Load() < before; time.Sleep(100 * time.Microsecond) {
		if s.receiver.ended() || s.sender.ended() || time.Now().After(late) {
			return o, errors.Join(errors.New("no records"), s.complaints())
		}
	}
	time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)

	died := time.Now()
	if role == "sender" {
		s.sender.kill()
		if s.sender, err = s.start("sender", false); err != nil {
			return o, err
		}
		o.follow(s, s.sender, 1<<32, 2, died, func() bool { return receiver.next[1].Load() >= enough })
		sent, got := sender.sent.Load(), receiver.next[0].Load()
		o.lost, o.again, o.torn = receiver.gaps.Load(), receiver.again.Load(), receiver.torn.Load()
		if sent > got {
			o.lost += sent - got
		}
		return o, nil
	}
	s.receiver.kill()
	if s.receiver, err = s.start("receiver", false); err != nil {
		return o, err
	}
	o.follow(s, s.receiver, 0, 2, died, func() bool { return fresh.total.Load() >= enough })
	o.lost, o.again = receiver.gaps.Load()+fresh.gaps.Load(), receiver.again.Load()+fresh.again.Load()
	o.torn = receiver.torn.Load() + fresh.torn.Load()
	if first := fresh.first.Load(); first > 0 {
		next := receiver.next[0].Load()
		if first-1 > next {
			o.lost += first - 1 - next
		} else {
			o.again += next - (first - 1)
		}
	}
	return o, nil
}

// follow lets the fresh end join in, and waits for it to have done so, or for an end to give up,
// or for the patience to end.
func (o *outcome) follow(s *session, fresh *end, first, area int, died time.Time, on func() bool) {
	patience := max(s.patience, patience)
	joined := make(chan error, 1)
	go func() {
		err := fresh.say("%s", small.command("open", 0, 0))
		if err == nil {
			_, err = fresh.expect("ready")
		}
		if err == nil {
			err = fresh.stream(first, area)
		}
		joined <- err
	}()
	for time.Since(died) < patience {
		if on() {
			o.on, o.after = true, time.Since(died)
			return
		}
		select {
		case err := <-joined:
			if err != nil {
				o.failed = err
				return
			}
			joined = nil
		default:
		}
		if s.sender.ended() || s.receiver.ended() {
			o.failed = s.complaints()
			return
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// stream makes an end send, or receive, until it is killed.
func (e *end) stream(first, area int) error {
	if err := e.say("%s", small.command("stream", first, area)); err != nil {
		return err
	}
	_, err := e.expect("streaming")
	return err
}

// complaints are what the ends that are gone said.
func (s *session) complaints() (err error) {
	s.each(func(e *end) {
		if e.ended() {
			err = errors.Join(err, e.why())
		}
	})
	return err
}

// tell sums outcomes up.
func tell(outcomes []outcome) string {
	var on, hung, failed, lost, again, torn int
	var lostRecords, againRecords uint64
	var after []time.Duration
	why := map[string]int{}
	for _, o := range outcomes {
		if !o.on {
			o.lost = 0 // what hangs, or is over, has not moved what it still holds
		}
		switch {
		case o.on:
			on++
			after = append(after, o.after)
		case o.failed != nil:
			failed++
			why[firstLine(o.failed)]++
		default:
			hung++
		}
		if o.lost > 0 {
			lost++
			lostRecords += o.lost
		}
		if o.again > 0 {
			again++
			againRecords += o.again
		}
		if o.torn > 0 {
			torn++
		}
	}
	parts := []string{fmt.Sprintf("%d of %d went on", on, len(outcomes))}
	if on > 0 {
		slices.Sort(after)
		parts[0] += fmt.Sprintf(" (after %v, at most %v)", round(after[len(after)/2]), round(after[len(after)-1]))
	}
	add := func(n int, format string, args ...any) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(hung, "%d hung", hung)
	for text, n := range why {
		parts = append(parts, fmt.Sprintf("%d failed: %s", n, text))
	}
	add(lost, "%d lost records, %d in all", lost, lostRecords)
	add(again, "%d had records twice or late, %d in all", again, againRecords)
	add(torn, "%d had torn records", torn)
	return strings.Join(parts, "; ")
}

func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if len(text) > 100 {
		text = text[:100] + "..."
	}
	return strings.ReplaceAll(text, "|", "/")
}
