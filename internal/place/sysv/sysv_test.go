//go:build linux

package sysv_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"testing"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/place/placetest"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) { testproc.Main(m, nil) }

func TestSegmentIsAPlace(t *testing.T) {
	t.Parallel()
	placetest.Conform(t, placetest.Kind{Name: freeName})
}

// freeName returns the name of a segment that nobody has.
func freeName(t testing.TB) string {
	for {
		key := 1 + rand.Uint32N(1<<31)
		_, err := sys.FindSegment(key)
		switch {
		case errors.Is(err, fs.ErrPermission), sys.IsUnimplemented(err):
			t.Skip("no System V segments here: ", err)
		case !errors.Is(err, fs.ErrNotExist):
			continue
		}
		name := fmt.Sprintf("sysv:%#x", key)
		t.Cleanup(func() {
			_ = shmq.ForceRemove(name)
			if id, err := sys.FindSegment(key); err == nil {
				_ = sys.RemoveSegment(id)
				t.Errorf("segment %d was left behind", id)
			}
		})
		return name
	}
}
