// Package progress writes to standard error while a command is at work: lines, and how
// far the work is.
package progress

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/shmq/shmq/internal/cli/exit"
)

// Console is standard error while a command is at work: lines, and below them, while
// there is one, a line of progress that is written again and again. It is safe for
// concurrent use. Text that can't be written is lost; the exit code still tells.
type Console struct {
	Command string
	mu      sync.Mutex
	shown   int // columns of the progress that stands there
}

// Line writes a line in the voice of the command's errors.
func (c *Console) Line(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replace("")
	fmt.Fprintln(os.Stderr, c.Command+": "+exit.OneLine(fmt.Sprintf(format, args...)))
}

// progress replaces the line of progress; "" takes it away.
func (c *Console) progress(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replace(text)
}

// replace writes over the line that stands there. With \r and spaces only, any terminal
// and any file will do. The cursor stays at the start of the line: there the terminal
// writes ^C, and the next text writes over it.
func (c *Console) replace(text string) {
	n := utf8.RuneCountInString(text)
	if n == 0 && c.shown == 0 {
		return
	}
	fmt.Fprint(os.Stderr, "\r"+text+strings.Repeat(" ", max(0, c.shown-n))+"\r")
	c.shown = n
}

// Logger returns a logger whose records are lines.
func (c *Console) Logger() *slog.Logger { return slog.New(logLines{c}) }

// logLines writes the library's log records: the message, then the queue and the rest.
type logLines struct{ to *Console }

func (l logLines) Enabled(context.Context, slog.Level) bool { return true }
func (l logLines) WithAttrs([]slog.Attr) slog.Handler       { return l } // the library uses neither
func (l logLines) WithGroup(string) slog.Handler            { return l }

func (l logLines) Handle(_ context.Context, r slog.Record) error {
	text := strings.TrimPrefix(r.Message, "shmq: ")
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "queue" {
			text = fmt.Sprintf("queue %q: %s", a.Value.String(), text)
		} else {
			text += fmt.Sprintf(", %s %s", strings.ReplaceAll(a.Key, "_", " "), a.Value)
		}
		return true
	})
	l.to.Line("%s", text)
	return nil
}
