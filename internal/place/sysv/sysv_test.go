//go:build linux

package sysv_test

import (
	"testing"

	"github.com/shmq/shmq/internal/place/placetest"
	"github.com/shmq/shmq/internal/testagent"
)

func TestSegmentIsAPlace(t *testing.T) {
	t.Parallel()
	placetest.Conform(t, placetest.Kind{Name: func(t testing.TB) string { return testagent.KeyName(testagent.FreeKey(t)) }})
}
