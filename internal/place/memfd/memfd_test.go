//go:build linux

package memfd_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/memfd"
	"github.com/shmq/shmq/internal/place/placetest"
)

func TestDescriptorIsAPlace(t *testing.T) {
	t.Parallel()
	placetest.Conform(t, placetest.Kind{Make: func(t testing.TB, s place.Spec) string {
		f, err := memfd.Create(s)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, f.Close()) })
		return memfd.Name(f)
	}})
}
