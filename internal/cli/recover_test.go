//go:build linux

package cli_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// holding starts a process that has a reservation of n bytes, or n leases.
func holding(t *testing.T, q string, role shmq.Role, n int) *process {
	t.Helper()
	r, _ := pipe(t)
	p := start(t, r, nil, "holder", q, role.String(), strconv.Itoa(n))
	until(t, "it holds something", func() bool {
		for _, a := range attached(q, role) {
			if a.PID == p.Process.Pid && (n == 0 || !a.HeldSince.IsZero()) {
				return true
			}
		}
		return false
	})
	return p
}

func (p *process) stop(q string) {
	p.t.Helper()
	require.NoError(p.t, p.Process.Signal(syscall.SIGSTOP))
	until(p.t, "it stands still", func() bool {
		info, err := shmq.Stat(q)
		require.NoError(p.t, err)
		for _, a := range info.Participants {
			if a.PID == p.Process.Pid {
				return a.Stopped
			}
		}
		return false
	})
}

func (p *process) kill() {
	p.t.Helper()
	require.NoError(p.t, p.Process.Kill())
	err := <-p.done
	p.done <- err
}

// outputOf runs a command that has to succeed.
func outputOf(t *testing.T, args ...string) string {
	t.Helper()
	p := start(t, nil, nil, args[0], args[1:]...)
	require.Empty(t, p.ends(0))
	return p.out.String()
}

const span = `\d+(m\d+)?s` // for so long

func TestStatTellsWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 8, SlotSize: 64}))
	require.NotContains(t, outputOf(t, "shmq", "stat", q), "warnings")
	sendBytes(t, q, "a", "b", "c")
	taker := holding(t, q, shmq.Consumer, 2)
	sender := holding(t, q, shmq.Producer, 100)
	holding(t, q, shmq.Consumer, 0)
	out := outputOf(t, "shmq", "stat", q)
	require.Regexp(t, fmt.Sprintf(`(?m)^0 +consumer +%d +holder .* 2 records, 2 slots +%s +0 `, taker.Process.Pid, span), out)
	require.Regexp(t, fmt.Sprintf(`(?m)^1 +producer +%d +holder .* 1 claim, 2 slots +%s +0 `, sender.Process.Pid, span), out)
	require.Regexp(t, `(?m)^2 +consumer .* - +- +0 `, out)
	require.NotContains(t, out, "warnings")

	sendBytes(t, q, "d", "e", "f") // behind the claim
	taker.stop(q)
	sender.stop(q)
	out = outputOf(t, "shmq", "stat", q)
	require.Regexp(t, fmt.Sprintf(`(?m)^  consumer %d \(holder\) is stopped and has held 2 records for %s; nobody else gets them while it lives$`, taker.Process.Pid, span), out)
	require.Regexp(t, fmt.Sprintf(`(?m)^  producer %d \(holder\) is stopped in the middle of a record for %s; later ones wait for it while it lives$`, sender.Process.Pid, span), out)
	require.Regexp(t, fmt.Sprintf(`(?m)^  consumer %d \(holder\) has held 2 records, 2 slots for %s; the ring is full behind it, at position 0$`, taker.Process.Pid, span), out)

	taker.kill()
	sender.kill()
	out = outputOf(t, "shmq", "stat", q)
	require.Contains(t, out, fmt.Sprintf("  seat 0: consumer %d (holder) died with 2 records, 2 slots; the next participant or `shmq recover %s` takes them back\n", taker.Process.Pid, q))
	require.Contains(t, out, fmt.Sprintf("  seat 1: producer %d (holder) died in the middle of a record; ", sender.Process.Pid))
}

func TestStatOfSingleRoles(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Producers: shmq.One, Consumers: shmq.One, Slots: 8, SlotSize: 64}))
	sendBytes(t, q, "a", "b", "c")
	taker, sender := holding(t, q, shmq.Consumer, 2), holding(t, q, shmq.Producer, 10)
	taker.stop(q)
	sender.stop(q)
	out := outputOf(t, "shmq", "stat", q)
	require.Regexp(t, ` up to 2 records, 2 slots +`+span, out)
	require.Regexp(t, ` a reservation +`+span, out)
	require.Regexp(t, fmt.Sprintf(`(?m)^  consumer %d \(holder\) is stopped and has held up to 2 records for `, taker.Process.Pid), out)
	require.Contains(t, out, fmt.Sprintf("  producer %d (holder) is stopped; nobody else can be the producer while it lives\n", sender.Process.Pid))
}

func TestRecoverCommand(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 4}))
	sendBytes(t, q, "a", "b", "c", "d")
	taker, sender := holding(t, q, shmq.Consumer, 2), holding(t, q, shmq.Producer, 100)
	stopped, idle := holding(t, q, shmq.Consumer, 1), holding(t, q, shmq.Consumer, 0)
	stopped.stop(q)
	taker.kill()
	sender.kill()
	dead := []string{
		fmt.Sprintf("seat 0: consumer %d (holder) is dead, held 2 records, 2 slots: ", taker.Process.Pid),
		fmt.Sprintf("seat 1: producer %d (holder) is dead, held 1 claim, 2 slots: ", sender.Process.Pid),
	}
	out := outputOf(t, "shmq", "recover", q, "--dry-run")
	require.Contains(t, out, fmt.Sprintf("queue %s: 2 dead, 2 alive\n%snot touched\n%snot touched\n", q, dead[0], dead[1]))
	require.Regexp(t, fmt.Sprintf(`(?m)^seat 2: consumer %d \(holder\) is alive, stopped, holds 1 record, 1 slot for %s: left alone$`, stopped.Process.Pid, span), out)
	require.Contains(t, out, fmt.Sprintf("seat 3: consumer %d (holder) is alive, holds nothing: left alone\n", idle.Process.Pid))

	var told struct {
		Dead, Alive []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(outputOf(t, "shmq", "recover", q, "--dry-run", "--json")), &told))
	require.Len(t, told.Alive, 2)
	require.Equal(t, false, told.Dead[0]["freed"])
	require.NotEmpty(t, told.Dead[0]["held_since"])
	require.NotContains(t, told.Alive[1], "held_since", "unknown")
	require.NotContains(t, told.Alive[1], "holds")

	require.NoError(t, json.Unmarshal([]byte(outputOf(t, "shmq", "recover", q, "--json")), &told))
	require.Equal(t, []any{true, 0.0, 2.0}, []any{told.Dead[0]["freed"], told.Dead[0]["claims_skipped"], told.Dead[0]["records_returned"]})
	require.Equal(t, []any{true, 1.0, 0.0}, []any{told.Dead[1]["freed"], told.Dead[1]["claims_skipped"], told.Dead[1]["records_returned"]})
	require.Contains(t, outputOf(t, "shmq", "recover", q), ": 0 dead, 2 alive\n")

	holding(t, q, shmq.Producer, 10).kill()
	require.Contains(t, outputOf(t, "shmq", "recover", q), "is dead, held 1 claim, 1 slot: 1 claim skipped, seat freed\n")
	require.Equal(t, "abd", string(rest(t, q, "--format", "raw")))
}
