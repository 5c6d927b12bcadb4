//go:build linux

package sysv_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
)

// segmentName returns the name of a queue that may be made.
func segmentName(t *testing.T) string { return testagent.KeyName(testagent.FreeKey(t)) }

// segmentQueue makes a queue in a segment of its own.
func segmentQueue(t *testing.T, o *shmq.Options) (name string, key uint32) {
	t.Helper()
	key = testagent.FreeKey(t)
	require.NoError(t, shmq.Create(testagent.KeyName(key), o))
	return testagent.KeyName(key), key
}

// inSegment lets f work on the bytes of a segment.
func inSegment(t *testing.T, id int, f func(b []byte)) {
	t.Helper()
	s, err := sys.StatSegment(id)
	require.NoError(t, err)
	b, err := s.Map(int(s.Size), true)
	require.NoError(t, err)
	f(b)
	require.NoError(t, sys.Unmap(b))
}

func requireZero(t *testing.T, id int) {
	t.Helper()
	inSegment(t, id, func(b []byte) {
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("byte %d is %#x", i, b[i])
			}
		}
	})
}

func attachments(t *testing.T, id int) int {
	t.Helper()
	s, err := sys.StatSegment(id)
	require.NoError(t, err)
	return s.Attached
}

func segmentOf(t *testing.T, key uint32) sys.Segment {
	t.Helper()
	id, err := sys.FindSegment(key)
	require.NoError(t, err)
	s, err := sys.StatSegment(id)
	require.NoError(t, err)
	return s
}
