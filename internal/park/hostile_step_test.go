//go:build shmqstep && linux

package park_test

import (
	"context"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/park"
)

// A peer changes the word before each attempt to raise its flag. The sleeper gives
// up announcing itself, and its context still ends the wait.
func TestASpoiledFlagKeepsNobodyFromSleeping(t *testing.T) {
	var word uint32
	defer atomics.SetHook(nil)
	spoiled := 0
	atomics.SetHook(func(addr unsafe.Pointer, op atomics.Op) {
		if addr == unsafe.Pointer(&word) && op == atomics.OpRMW {
			word += 2
			spoiled++
			require.Less(t, spoiled, 1<<16)
		}
	})
	s := park.NewSleeper(&word)
	defer s.Done()
	ticket := s.Prepare()
	require.Positive(t, spoiled)
	require.NoError(t, s.Sleep(context.Background(), ticket))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, s.Sleep(ctx, ticket), context.Canceled)
}
