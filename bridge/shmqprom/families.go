package shmqprom

import (
	"io/fs"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/metrics"
)

// What only a collector can tell of a queue: shmq stat looks once.
var (
	queueError = &metrics.Family{Name: "shmq_queue_error", Help: "1 for a queue that can't be described, with the reason.", Labels: []string{"reason"}}
	waits      = &metrics.Family{Name: "shmq_waits_total", Help: "Times that participants went to sleep, as far as collections saw them.", Counter: true, Labels: []string{"role"}}
	wakes      = &metrics.Family{Name: "shmq_wakes_total", Help: "Sleepers that participants woke, as far as collections saw them.", Counter: true, Labels: []string{"role"}}
	surveyAge  = &metrics.Family{Name: "shmq_survey_age_seconds", Help: "How old the numbers are that come from the slots: records waiting, orphaned, leased, uncounted, and claims."}

	own = []*metrics.Family{queueError, waits, wakes, surveyAge}
)

// Of the collection itself.
var (
	directoryUp = prometheus.NewDesc("shmq_directory_up", "Whether the directory of queues could be listed.", []string{"dir"}, nil)
	found       = prometheus.NewDesc("shmq_queues", "Files in the directory that could be queues.", []string{"dir"}, nil)
	omitted     = prometheus.NewDesc("shmq_queues_omitted", "Queues that this collection left out, for their number or for want of time.", []string{"dir", "reason"}, nil)
	untold      = prometheus.NewDesc("shmq_participants_omitted", "Participants that this collection does not tell of, for their number; 0 where it tells of none.", []string{"dir"}, nil)
	duration    = prometheus.NewDesc("shmq_collect_duration_seconds", "How long this collection took.", nil, nil)
)

// reasons are the values of the label reason of shmq_queue_error, beside overwritten and other.
var reasons = []struct {
	err  error
	name string
}{
	{errSparse, "sparse"},
	{fail.ErrUnfinished, "unfinished"},
	{shmq.ErrVersion, "version"},
	{shmq.ErrTruncated, "truncated"},
	{shmq.ErrDamaged, "damaged"},
	{shmq.ErrNotQueue, "not_queue"},
	{shmq.ErrRemoved, "removed"},
	{shmq.ErrRefused, "refused"},
	{shmq.ErrNoSpace, "no_space"},
	{fs.ErrPermission, "permission"},
}
