package progress

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/words"
)

const (
	// tick is how often the line of progress is written.
	tick = time.Second
	// patience is for how long there is none unless it was asked for: a user who sends
	// a few records does not need to be told how it goes.
	patience = 2 * time.Second
)

// Flags say what a command tells of its work on standard error.
type Flags struct {
	Progress, NoProgress, Verbose bool
}

// Add adds the flags to those of a command.
func (f *Flags) Add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.BoolVar(&f.Progress, "progress", false, "show a line of progress on stderr; without the flag, where that is a terminal and it takes more than 2 s")
	set.BoolVar(&f.NoProgress, "no-progress", false, "never show progress")
	set.BoolVarP(&f.Verbose, "verbose", "v", false, "say on stderr what was recovered from participants that died, and how much was done and how fast at the end")
	flags.Exclusive(cmd, "progress", "no-progress")
}

// Watch shows how a command gets on. It reads the counters of the seat, from a
// goroutine of its own: the work does not know.
type Watch struct {
	*Console
	Flags Flags
	Queue string // where there is one
	Did   string // "sent", "received"
	Count func() shmq.Counters
	Lost  func() uint64 // positions that were lost; nil where none can be
	// Each, where there are several queues, are those of each.
	Each []Counted
	// Waits says what the command waits for, when the numbers stand still.
	Waits func() string
	Data  *os.File // stdin or stdout: if that is a terminal, it shows how it goes

	start     time.Time
	quit, end chan struct{}
}

// Begin starts it; Finish must follow.
func (w *Watch) Begin() {
	w.start = time.Now()
	w.quit, w.end = make(chan struct{}), make(chan struct{})
	asked := w.Flags.Progress
	if w.Flags.NoProgress || !asked && (!onTerminal(os.Stderr) || onTerminal(w.Data)) {
		close(w.end)
		return
	}
	go func() {
		defer close(w.end)
		w.run(asked)
	}()
}

func (w *Watch) run(asked bool) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var before shmq.Counters
	then := w.start
	for {
		select {
		case <-w.quit:
			return
		case <-ticker.C:
		}
		now, counts := time.Now(), w.Count()
		text := w.text(now.Sub(then), before, counts)
		then, before = now, counts
		// A job in the background would write over what the user types.
		if asked || now.Sub(w.start) >= patience && sys.InForeground(os.Stderr.Fd()) {
			w.progress(text)
		}
	}
}

// text is the line of progress: what was done, and how fast, or why not.
func (w *Watch) text(d time.Duration, before, now shmq.Counters) string {
	text := fmt.Sprintf("%s records, %s; ", words.Count(float64(now.Records)), words.Bytes(int64(now.Bytes)))
	for i, e := range w.Each {
		sep := ", "
		if i == len(w.Each)-1 {
			sep = "; "
		}
		text += fmt.Sprintf("%s %s%s", e.Queue, words.Count(float64(e.Count().Records)), sep)
	}
	if w.Lost != nil && w.Lost() > 0 {
		text += fmt.Sprintf("%s slots lost; ", words.Count(float64(w.Lost())))
	}
	if now.Records == before.Records {
		text += w.Waits()
	} else {
		text += rates(now.Records-before.Records, now.Bytes-before.Bytes, d)
	}
	columns, _, _ := sys.TerminalSize(os.Stderr.Fd())
	if columns == 0 {
		columns = 80
	}
	if named := fmt.Sprintf("queue %q: ", w.Queue) + text; len(w.Each) == 0 && len(named) < columns {
		return named
	}
	return text[:min(len(text), columns-1)]
}

// Finish takes the progress away and sums up if that is wanted.
func (w *Watch) Finish() {
	close(w.quit)
	<-w.end
	w.progress("")
	if !w.Flags.Verbose {
		return
	}
	d := time.Since(w.start)
	if len(w.Each) == 0 {
		w.sum(Counted{w.Queue, w.Count, w.Lost}, d)
		return
	}
	for _, e := range w.Each {
		w.sum(e, d)
	}
}

// Counted is a queue of several.
type Counted struct {
	Queue string
	Count func() shmq.Counters
	Lost  func() uint64 // as Watch.Lost
}

// sum says what came of a queue.
func (w *Watch) sum(of Counted, d time.Duration) {
	c := of.Count()
	text := fmt.Sprintf("records %s: %d, %s in %s; %s", w.Did, c.Records, words.Bytes(int64(c.Bytes)), rounded(d), rates(c.Records, c.Bytes, d))
	text += fmt.Sprintf("; went to sleep %d times", c.Waits)
	if c.Redelivered > 0 {
		text += fmt.Sprintf("; delivered before: %d", c.Redelivered)
	}
	if of.Lost != nil && of.Lost() > 0 {
		text += fmt.Sprintf("; slots lost: %d", of.Lost())
	}
	w.Line("queue %q: %s", of.Queue, text)
}

// rounded leaves out the digits that no user reads.
func rounded(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

func rates(records, bytes uint64, d time.Duration) string {
	s := max(d.Seconds(), 1e-9)
	return fmt.Sprintf("%s records/s, %s/s", words.Count(float64(records)/s), words.Bytes(int64(float64(bytes)/s)))
}

func onTerminal(f *os.File) bool {
	_, _, ok := sys.TerminalSize(f.Fd())
	return ok
}
