package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// The verb that makes a process a child, and what kind of one.
const (
	childVerb    = "demo-child"
	producerRole = "producer"
	consumerRole = "consumer"
)

// Child is a process of the demo. Run starts it with the arguments
//
//	producer|consumer QUEUE NUMBER
//
// and talks to it through standard input and output.
func Child(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("%s is started by the demo only", childVerb)
	}
	role, queue := args[0], args[1]
	number, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	switch role {
	case producerRole:
		return produce(ctx, queue, number, json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout))
	case consumerRole:
		return consume(ctx, queue, json.NewEncoder(os.Stdout))
	}
	return fmt.Errorf("%s: no role %q", childVerb, role)
}

// produce sends as it is ordered, until there are no more orders.
func produce(ctx context.Context, queue string, number int, orders *json.Decoder, answers *json.Encoder) (err error) {
	p, err := producer.Open[Record](queue, &producer.Options{NoCreate: true})
	if err != nil {
		return err
	}
	s := sender{to: p, number: number, sent: stream{Producer: number}}
	if err := errors.Join(s.obey(ctx, orders, answers), p.Finish()); err != nil {
		return err
	}
	return answers.Encode(message{reported, &report{s.phases, []stream{s.sent}}})
}

type sender struct {
	to     *producer.Producer[Record]
	number int
	phases []tally
	sent   stream
}

func (s *sender) obey(ctx context.Context, orders *json.Decoder, answers *json.Encoder) error {
	if err := answers.Encode(message{Kind: ready}); err != nil {
		return err
	}
	for {
		var p phase
		if err := orders.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.perform(ctx, p); err != nil {
			return err
		}
		if err := answers.Encode(message{Kind: done}); err != nil {
			return err
		}
	}
}

// perform sends the records of a phase. At a rate it keeps to a timetable: after a
// delay it sends what is due at once.
func (s *sender) perform(ctx context.Context, p phase) error {
	s.phases = append(s.phases, tally{})
	begin := time.Now()
	if p.Rate == 0 {
		for time.Since(begin) < p.For {
			if err := s.send(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	every := time.Second / time.Duration(p.Rate)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Duration(0); due < p.For; due += every {
		timer.Reset(due - time.Since(begin))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.send(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) send(ctx context.Context) error {
	phase := len(s.phases) - 1
	r := Record{Producer: s.number, Seq: s.sent.Records, Phase: phase, Sent: time.Now().UnixNano(), Text: texts[s.sent.Records%uint64(len(texts))]}
	if err := s.to.Send(ctx, r); err != nil {
		return err
	}
	s.phases[phase].count(r.Sent)
	s.sent.Records++
	s.sent.Sum += r.sum()
	return nil
}

// consume receives until all producers have finished and the queue is empty.
func consume(ctx context.Context, queue string, answers *json.Encoder) error {
	c, err := consumer.Open[Record](queue, &consumer.Options{NoCreate: true, UntilEOF: true})
	if err != nil {
		return err
	}
	if err := answers.Encode(message{Kind: ready}); err != nil {
		return errors.Join(err, c.Close())
	}
	var r receiver
	for rec, err := range c.All(ctx) {
		if err == nil {
			err = r.receive(&rec, time.Now().UnixNano())
		}
		if err != nil {
			return errors.Join(err, c.Close())
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	rep, err := r.report()
	if err != nil {
		return err
	}
	return answers.Encode(message{reported, rep})
}

type receiver struct {
	phases    []tally
	latencies []*hdrhistogram.Histogram // by phase
	streams   []stream
}

// Bounds of what comes in a record and is used as an index.
const (
	maxPhases    = 16
	maxProducers = 1024
)

// maxLatency bounds the histograms. A longer time counts as this.
const maxLatency = int64(10 * time.Minute)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, maxLatency, 3) }

func (r *receiver) receive(rec *Record, now int64) error {
	if rec.Phase < 0 || rec.Phase >= maxPhases || rec.Producer < 0 || rec.Producer >= maxProducers {
		return fmt.Errorf("a record that no producer sent: %+v", *rec)
	}
	for len(r.phases) <= rec.Phase {
		r.phases = append(r.phases, tally{})
		r.latencies = append(r.latencies, newHistogram())
	}
	for len(r.streams) <= rec.Producer {
		r.streams = append(r.streams, stream{Producer: len(r.streams)})
	}
	r.streams[rec.Producer].receive(rec)
	r.phases[rec.Phase].count(now)
	// The wall clock may have been set in between.
	return r.latencies[rec.Phase].RecordValue(min(max(now-rec.Sent, 1), maxLatency))
}

func (r *receiver) report() (*report, error) {
	for i, h := range r.latencies {
		var err error
		if r.phases[i].Latency, err = h.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err != nil {
			return nil, err
		}
	}
	return &report{r.phases, r.streams}, nil
}
