package park_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/park"
)

// What comes between Prepare and Sleep ends the sleep at once.
func TestASleepOnSeveralWordsEndsForWhatCameBefore(t *testing.T) {
	for name, comes := range map[string]func(s *park.Several, words []*uint32){
		"ring":              func(s *park.Several, _ []*uint32) { s.Ring() },
		"first word":        func(_ *park.Several, words []*uint32) { park.WakeOne(words[0]) },
		"last word":         func(_ *park.Several, words []*uint32) { park.WakeOne(words[len(words)-1]) },
		"news for all":      func(_ *park.Several, words []*uint32) { park.WakeAll(words[1]) },
		"ring, then a word": func(s *park.Several, words []*uint32) { s.Ring(); park.WakeOne(words[1]) },
	} {
		for _, ctx := range contexts(t) {
			for _, n := range []int{2, park.MostWords} {
				words := make([]*uint32, n)
				for i := range words {
					words[i] = new(uint32)
				}
				var s park.Several
				best := time.Hour
				for range 5 {
					s.Ring() // before Prepare it is for nobody
					s.Prepare(words)
					for _, w := range words {
						require.True(t, park.Armed(w))
					}
					comes(&s, words)
					begun := time.Now()
					require.NoError(t, s.Sleep(ctx))
					best = min(best, time.Since(begun))
				}
				s.Done()
				require.Less(t, best, park.Heartbeat/4, "%s, %d words", name, n)
			}
		}
	}
}

// A ring is used up by the sleep that it ends.
func TestARingEndsOneSleep(t *testing.T) {
	t.Parallel()
	var s park.Several
	defer s.Done()
	words := []*uint32{new(uint32), new(uint32)}
	for range 2 {
		s.Prepare(words)
		s.Ring()
		require.NoError(t, s.Sleep(context.Background()))
		s.Prepare(words)
		longest := time.Duration(0)
		for range 3 { // a signal may end one early
			begun := time.Now()
			require.NoError(t, s.Sleep(context.Background()))
			longest = max(longest, time.Since(begun))
		}
		require.Greater(t, longest, park.Heartbeat/2)
	}
}

// The end of a context reaches the sleep that follows a ring, too: it has a word of its own.
func TestTheEndOfAContextReachesEachSleep(t *testing.T) {
	t.Parallel()
	words := []*uint32{new(uint32), new(uint32)}
	best := time.Hour
	for range 5 {
		var s park.Several
		ctx, cancel := context.WithCancel(t.Context())
		s.Prepare(words)
		s.Ring()
		require.NoError(t, s.Sleep(ctx))
		s.Prepare(words)
		ended := make(chan time.Time, 1)
		go func() {
			ended <- time.Now()
			cancel()
		}()
		require.ErrorIs(t, s.Sleep(ctx), context.Canceled)
		best = min(best, time.Since(<-ended))
		s.Done()
	}
	require.Less(t, best, park.Heartbeat/4)
}
