package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/crew"
	"github.com/shmq/shmq/rpc"
)

// Answerer runs a command for each request: the request is its standard input, its standard output
// is the answer. It is for one rpc.ServeRaw.
type Answerer struct {
	commands
	Command []string
	Format  format.Format
}

// NewAnswerer returns an Answerer. When ctx ends, the signal goes to the commands, and what they
// still answer is sent; Close follows.
func NewAnswerer(ctx context.Context, command []string, f format.Format) (a *Answerer, close func()) {
	a = &Answerer{commands: newCommands(ctx), Command: command, Format: f}
	stop := context.AfterFunc(ctx, a.forward)
	return a, func() { stop() }
}

// Handle is a handler of rpc.ServeRaw.
func (a *Answerer) Handle(ctx context.Context, request []byte) ([]byte, error) {
	info := rpc.InfoFrom(ctx)
	var page format.Page
	if err := a.Format.Put(&page, request); err != nil {
		return nil, &rpc.Error{Code: rpc.CodeBadRequest, Text: fmt.Sprintf("it is not msgpack (%v)", err)}
	}
	in, done, err := stdin([]*crew.Record{{Value: page.Buf}})
	if err != nil {
		return nil, tooShort(err)
	}
	defer done()
	out := &bounded{limit: outputLimit(a.Format, info.MaxAnswer)}
	last := &lastLines{to: io.Discard}
	cmd := exec.Command(a.Command[0], a.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, last
	cmd.Env = append(os.Environ(), requestEnvironment(ctx, info)...)
	started, err := a.run(ctx, cmd)
	switch {
	case !started:
		return nil, err
	case out.over:
		return nil, &rpc.Error{Code: rpc.CodeTooLarge, Text: fmt.Sprintf("the command wrote more than the client takes, %d bytes (shmq call --max-answer)", info.MaxAnswer)}
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return nil, commandFailed(ctx, err, last.text())
	}
	answer, err := a.Format.One(out.Bytes(), info.MaxAnswer)
	if err != nil {
		return nil, &rpc.Error{Code: rpc.CodeBadAnswer, Text: fmt.Sprintf("the output of the command is no answer: %v", err)}
	}
	return answer, nil
}

// commandFailed makes the end of a command an answer.
func commandFailed(ctx context.Context, err error, stderr string) *rpc.Error {
	e := &rpc.Error{Code: rpc.CodeFailed, Text: err.Error()}
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		if signal := signalThatEnded(ended); signal != "" {
			e.Code = signal
		} else {
			e.Code = fmt.Sprintf("exit-%d", ended.ExitCode())
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		e.Text += ", " + cause.Error()
	}
	if stderr = strings.TrimSpace(stderr); stderr != "" {
		e.Text = stderr
	}
	return e
}

// requestEnvironment is environment, for a request.
func requestEnvironment(ctx context.Context, info rpc.Info) []string {
	sent, deadline := "", ""
	if !info.SentAt.IsZero() {
		sent = info.SentAt.Format(time.RFC3339Nano)
	}
	if at, ok := ctx.Deadline(); ok {
		deadline = at.UTC().Format(time.RFC3339Nano)
	}
	return []string{
		"SHMQ_QUEUE=" + info.Queue,
		"SHMQ_ID=" + info.ID.String(),
		"SHMQ_SENT_AT=" + sent,
		"SHMQ_DEADLINE=" + deadline,
		fmt.Sprintf("SHMQ_RECORD=%d", info.Number),
		"SHMQ_RECORDS=1",
		fmt.Sprintf("SHMQ_ATTEMPT=%d", info.Attempt),
		fmt.Sprintf("SHMQ_REDELIVERED=%d", info.Redelivered),
	}
}

// outputLimit is how much a command may write: what is JSON may be longer than its value.
func outputLimit(f format.Format, answer int) int {
	if f.Name == "json" {
		return 8*answer + 1<<10
	}
	return answer + 1
}

// bounded keeps what a command writes, up to a limit.
type bounded struct {
	bytes.Buffer
	limit int
	over  bool
}

var errOver = errors.New("more than the limit")

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		b.over = true
		return 0, errOver
	}
	return b.Buffer.Write(p)
}

// ReadFrom hides that of the buffer, which knows no limit.
func (b *bounded) ReadFrom(r io.Reader) (int64, error) { return io.Copy(onlyWriter{b}, r) }

type onlyWriter struct{ io.Writer }

// ExecWords returns the command of --exec LINE, or of the words after --.
func ExecWords(line string, given bool, words []string) ([]string, error) {
	switch {
	case given && len(words) > 0:
		return nil, exit.Usage("there is a command after --, and --exec; one is enough")
	case given && line == "":
		return nil, exit.BadFlag("exec", "", "want a command")
	case given:
		return []string{"/bin/sh", "-c", line}, nil
	}
	return words, nil
}
