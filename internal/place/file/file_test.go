//go:build linux

package file_test

import (
	"testing"

	"github.com/shmq/shmq/internal/place/placetest"
	"github.com/shmq/shmq/internal/testagent"
)

func TestFileInMemoryIsAPlace(t *testing.T) {
	t.Parallel()
	placetest.Conform(t, placetest.Kind{Name: testagent.Name})
}

func TestFileOnADiskIsAPlace(t *testing.T) {
	t.Parallel()
	placetest.Conform(t, placetest.Kind{Name: func(t testing.TB) string { return t.TempDir() + "/q" }})
}
