//go:build linux

package top

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testpty"
	"github.com/shmq/shmq/internal/watch"
)

func TestTerminalIsGivenBackAfterAPanic(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64})
	tty := testpty.Open(t, 80, 24)
	m := testModel(80, 24)
	m.texts.Warnings = func(*shmq.Info, time.Time) []string {
		tty.Until("taken over", func(string) bool { return tty.Modes().Alternate && tty.KeyMode() })
		panic("a bug")
	}
	l := &live{model: m, collector: watch.New([]string{q}), options: Options{Interval: time.Hour}, in: tty.TTY, out: tty.TTY}
	defer l.collector.Close()
	require.PanicsWithValue(t, "a bug", func() { _ = runLive(context.Background(), l) })
	require.False(t, tty.KeyMode())
	tty.Until("given back", func(string) bool { m := tty.Modes(); return !m.Alternate && !m.HiddenCursor && !m.NoWrap })
	tty.Type("x\n") // for the reader, which then ends
}
