//go:build linux

package rpc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/rpc"
)

// elsewhere is a codec that fails because of another queue.
type elsewhere struct{ codec.Codec }

func (elsewhere) Append([]byte, any) ([]byte, error) {
	return nil, &shmq.Error{Op: "send to", Queue: "elsewhere", Err: shmq.ErrNoSpace}
}

func TestACodecThatFailsBecauseOfAnotherQueue(t *testing.T) {
	t.Parallel()
	q := queue(t)
	c, err := rpc.Dial[int, int](q, &rpc.DialOptions{Codec: elsewhere{codec.Msgpack()}})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	_, err = c.Call(background, 7)
	require.ErrorIs(t, err, shmq.ErrNoSpace)
	require.ErrorContains(t, err, q)
	require.ErrorContains(t, err, `the request: shmq: send to queue "elsewhere"`)
}
