//go:build linux

package rpc

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wildContext panics when it is asked for its deadline, or the n-th time for its error.
type wildContext struct {
	context.Context
	deadline bool
	errs     int
}

func (c *wildContext) Deadline() (time.Time, bool) {
	if c.deadline {
		panic("deadline")
	}
	return time.Time{}, false
}

func (c *wildContext) Err() error {
	if c.errs--; c.errs == 0 {
		panic("error")
	}
	return nil
}

// A context whose methods panic harms its own call alone.
func TestContextThatPanics(t *testing.T) {
	t.Parallel()
	q, _ := served(t, ServeOptions{})
	c := dialTest(t, q, nil)
	for name, ctx := range map[string]*wildContext{
		"before it begins": {errs: 1},
		"while it sends":   {deadline: true},
		"while it waits":   {errs: 2},
	} {
		ctx.Context = background
		require.Panics(t, func() { _, _ = c.Call(ctx, []byte(name)) }, name)
		require.Empty(t, c.calls, name)
		require.Empty(t, c.turn, name)
		got, err := c.Call(background, []byte("x"))
		require.NoError(t, err)
		require.Equal(t, "x", string(got))
	}
}
