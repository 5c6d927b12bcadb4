//go:build !linux

package top

import (
	"context"

	"github.com/shmq/shmq/internal/sys"
)

func runLive(context.Context, *live) error { return sys.ErrUnsupported }
