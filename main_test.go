//go:build linux

package shmq_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testproc"
)

// The examples have a directory of queues of their own. All other tests of this package
// are in tests/ and beside what they test.
func TestMain(m *testing.M) { testproc.Main(m, nil) }
