package rpc

import (
	"context"
	"time"

	"github.com/shmq/shmq"
)

// Info is what a handler can know of its request beside what it says.
type Info struct {
	// Queue is the name of the request queue, as the server was given it.
	Queue string
	// ID names the request for good; it keeps that when it is delivered again.
	ID shmq.ID
	// Number is 1 for the first request that this server took, and so on.
	Number int64
	// Attempt is 1, or more after handlers that could not begin for want of something.
	Attempt int
	// Redelivered is 0 for a request that no server was handed before. Otherwise a server may have
	// worked on it, and have sent an answer, before it was killed.
	Redelivered int
	// SentAt is when the request was sent, zero in a queue without time stamps.
	SentAt time.Time
	// MaxAnswer is the size of the largest answer that the client can get, in bytes.
	MaxAnswer int
}

type infoKey struct{}

// InfoFrom returns what is known of the request whose handler has ctx; zero for any other context.
func InfoFrom(ctx context.Context) Info {
	info, _ := ctx.Value(infoKey{}).(*Info)
	if info == nil {
		return Info{}
	}
	return *info
}
