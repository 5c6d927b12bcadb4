//go:build linux

package testagent

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// An agent whose language can't play a step says so:
//
//	no WORD REASON
//
// That skips the test, with the reason, if WORD is one of refusable and the step has to do with that.
// Any other refusal fails it: no fault of a client can pass for something that it does not do.
var refusable = map[string]func(step []string) bool{
	// Subscriptions from the oldest record, or with a name.
	"subscriptions": func(step []string) bool {
		return step[0] == "subscribe" || attaches(step, func(i *shmq.Info) bool { return i.Consumers == shmq.Each })
	},
	// The rebuilding of queues with checksums that were in use when the machine stopped.
	"rebuild": func(step []string) bool { return attaches(step, func(i *shmq.Info) bool { return i.Checksum }) },
	// A child that executes no program.
	"fork": func(step []string) bool { return step[0] == "fork" },
}

// attaches reports whether a step is one to attach to a queue that is so.
func attaches(step []string, is func(*shmq.Info) bool) bool {
	if len(step) < 2 {
		return false
	}
	info, err := shmq.Stat(step[1])
	return err == nil && is(info)
}

// Say tells the agent a line.
func (a *Agent) Say(format string, args ...any) {
	a.t.Helper()
	text := fmt.Sprintf(format, args...)
	a.said = strings.Fields(text)
	a.Proc.Say("%s", text)
}

// Line returns the next line of the agent.
func (a *Agent) Line() string {
	a.t.Helper()
	line := a.Proc.Line()
	if refusal, ok := strings.CutPrefix(line, "no "); ok {
		a.refused(refusal)
	}
	return line
}

// refused ends a test of which an agent can't play a step.
func (a *Agent) refused(refusal string) {
	a.t.Helper()
	word, reason, _ := strings.Cut(refusal, " ")
	may := refusable[word]
	require.True(a.t, may != nil && reason != "" && len(a.said) > 0 && may(a.said), "agent %d refuses %q, which each has to play: %s", a.PID(), a.said, refusal)
	a.t.Skipf("%s: %q is not for it: %s", a.Command(), strings.Join(a.said, " "), reason)
}

// Expect takes the next line, which has to start with want, and returns the rest.
func (a *Agent) Expect(want string) string {
	a.t.Helper()
	line := a.Line()
	rest, ok := strings.CutPrefix(line, want)
	require.True(a.t, ok, "agent %d said %q, want %q", a.PID(), line, want)
	return strings.TrimSpace(rest)
}
