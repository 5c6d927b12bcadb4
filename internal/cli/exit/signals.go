package exit

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signal is the cause of a context that a signal ended.
type Signal struct{ Sig syscall.Signal }

func (e Signal) Error() string { return e.Sig.String() }

// WithSignals returns a context that the first SIGINT, SIGTERM or SIGHUP ends, with
// a Signal as its cause. The second one ends the process at once, with the code that
// the shell gives to one that it killed. SIGHUP stays ignored if it was, as by nohup.
// SIGINT does not: a shell ignores it for every command that a script starts in the
// background, and a user who sends it to one of those means it.
func WithSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	listen := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		listen = append(listen, syscall.SIGHUP)
	}
	got := make(chan os.Signal, 1)
	signal.Notify(got, listen...)
	go func() {
		select {
		case s := <-got:
			sig, _ := s.(syscall.Signal)
			cancel(Signal{sig})
			// Not by signal.Reset: a SIGINT that was ignored at the start would be again.
			sig, _ = (<-got).(syscall.Signal)
			os.Exit(CodeSignal + int(sig))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
