//go:build !linux

package bench

import (
	"context"

	"github.com/shmq/shmq/internal/sys"
)

// ChildVerb is the first argument of an end's process.
const ChildVerb = "bench-child"

// Child returns sys.ErrUnsupported.
func Child([]string) error { return sys.ErrUnsupported }

// Run returns sys.ErrUnsupported.
func Run(context.Context, Options) (*Report, error) { return nil, sys.ErrUnsupported }
