//go:build linux

package storm

import "github.com/shmq/shmq/internal/testaccount"

type (
	taken      = testaccount.Taken
	sentBy     = testaccount.SentBy
	flag       = testaccount.Flag
	span       = testaccount.Span
	complaints = testaccount.Complaints
)

const (
	fresh       = testaccount.Fresh
	redelivered = testaccount.Redelivered
	untold      = testaccount.Untold

	held     = testaccount.Held
	acking   = testaccount.Acking
	acked    = testaccount.Acked
	released = testaccount.Released
)

func newID(life int, seq uint64) uint64 { return testaccount.NewID(life, seq) }
func lifeOf(id uint64) int              { return testaccount.LifeOf(id) }
func seqOf(id uint64) uint64            { return testaccount.SeqOf(id) }
func describe(id uint64) string         { return testaccount.Describe(id) }
func between(from, to int64) span       { return span{From: from, To: to} }
