//go:build linux

package testagent

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

// Agent is a process that obeys, seen from the test.
type Agent struct {
	*testproc.Proc
	t    testing.TB
	said []string // to it, the last time
}

// Record is what an agent was handed.
type Record struct {
	Redelivered int
	Data        string
}

// New starts an agent that takes part in nothing yet.
func New(t testing.TB) *Agent { return NewAs(t, nil) }

// NewAs is New with attributes of the process, such as another namespace.
func NewAs(t testing.TB, attr *syscall.SysProcAttr) *Agent {
	t.Helper()
	return ready(t, start(t, nil, attr))
}

func ready(t testing.TB, p *testproc.Proc) *Agent {
	t.Helper()
	p.Expect("ready")
	return &Agent{Proc: p, t: t}
}

// Of returns the agent that a child of another role has become.
func Of(t testing.TB, p *testproc.Proc) *Agent { return &Agent{Proc: p, t: t} }

// NewWith is New with files that the agent gets as its descriptors from 3 on.
func NewWith(t testing.TB, files ...*os.File) *Agent {
	t.Helper()
	return ready(t, start(t, files, nil))
}

// Producer starts an agent that is a producer of the queue.
func Producer(t testing.TB, queue string) *Agent {
	t.Helper()
	a := New(t)
	a.Do("producer %s", queue)
	return a
}

// Consumer starts an agent that is a consumer of the queue.
func Consumer(t testing.TB, queue string) *Agent {
	t.Helper()
	a := New(t)
	a.Do("consumer %s", queue)
	return a
}

// Do has the agent do something, which has to succeed, and returns the result.
func (a *Agent) Do(format string, args ...any) string {
	a.t.Helper()
	a.Say(format, args...)
	return a.Expect("ok")
}

// Fails has the agent do something, which has to fail, and returns the error: the
// name of its sentinel, then its text.
func (a *Agent) Fails(format string, args ...any) string {
	a.t.Helper()
	a.Say(format, args...)
	return a.Expect("err")
}

// Lease has the agent wait for a record, or with n > 1 for a batch.
func (a *Agent) Lease(n int) []Record {
	a.t.Helper()
	return a.records(a.Do("lease %d", n))
}

// Leased takes the reply to a lease that was asked for with Say.
func (a *Agent) Leased() []Record {
	a.t.Helper()
	return a.records(a.Expect("ok"))
}

func (a *Agent) records(reply string) []Record {
	a.t.Helper()
	var rs []Record
	for _, part := range strings.Fields(reply) {
		n, data, _ := strings.Cut(part, ":")
		times, err := strconv.Atoi(n)
		require.NoError(a.t, err)
		b, err := hex.DecodeString(data)
		require.NoError(a.t, err)
		rs = append(rs, Record{times, string(b)})
	}
	return rs
}

// Sends has the agent send texts, one record each.
func (a *Agent) Sends(texts ...string) {
	a.t.Helper()
	for _, text := range texts {
		a.Do("send %s", text)
	}
}

// Texts returns the payloads of records.
func Texts(rs []Record) []string {
	var texts []string
	for _, r := range rs {
		texts = append(texts, r.Data)
	}
	return texts
}

// Fresh are records that no consumer was handed before.
func Fresh(texts ...string) []Record { return Again(0, texts...) }

// Again are records that were handed out that many times before.
func Again(times int, texts ...string) []Record {
	var rs []Record
	for _, text := range texts {
		rs = append(rs, Record{Redelivered: times, Data: text})
	}
	return rs
}

// Command is the name of the agent's program, which a queue shows of its participants.
func (a *Agent) Command() string {
	a.t.Helper()
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", a.PID()))
	require.NoError(a.t, err)
	name, _, _ := strings.Cut(string(line), "\x00")
	return filepath.Base(name)
}

// String names the agent in messages.
func (a *Agent) String() string { return fmt.Sprintf("agent %d", a.PID()) }
