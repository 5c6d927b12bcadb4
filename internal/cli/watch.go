package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
)

const (
	// progressTick is how often the line of progress is written.
	progressTick = time.Second
	// progressPatience is for how long there is none unless it was asked for: who sends
	// a few records does not need to be told how it goes.
	progressPatience = 2 * time.Second
)

// watchFlags say what a command tells of its work on stderr.
type watchFlags struct {
	progress, noProgress, verbose bool
}

func (f *watchFlags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.BoolVar(&f.progress, "progress", false, "show a line of progress on stderr; without the flag, where that is a terminal and it takes more than 2 s")
	set.BoolVar(&f.noProgress, "no-progress", false, "never show progress")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "say on stderr what was recovered from participants that died, and how much was done and how fast at the end")
	cmd.MarkFlagsMutuallyExclusive("progress", "no-progress")
}

// watch shows how a command gets on. It reads the counters of the seat, from a
// goroutine of its own: the work does not know.
type watch struct {
	*console
	flags watchFlags
	queue string
	did   string // "sent", "received"
	count func() shmq.Counters
	// waits says what the command waits for, when the numbers stand still.
	waits func() string
	data  *os.File // stdin or stdout: if that is a terminal, it shows how it goes

	start     time.Time
	quit, end chan struct{}
}

// begin starts it; finish must follow.
func (w *watch) begin() {
	w.start = time.Now()
	w.quit, w.end = make(chan struct{}), make(chan struct{})
	asked := w.flags.progress
	if w.flags.noProgress || !asked && (!onTerminal(os.Stderr) || onTerminal(w.data)) {
		close(w.end)
		return
	}
	go func() {
		defer close(w.end)
		w.run(asked)
	}()
}

func (w *watch) run(asked bool) {
	tick := time.NewTicker(progressTick)
	defer tick.Stop()
	var before shmq.Counters
	then := w.start
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
		now, counts := time.Now(), w.count()
		text := w.text(now.Sub(then), before, counts)
		then, before = now, counts
		// A job in the background would write over what somebody types.
		if asked || now.Sub(w.start) >= progressPatience && sys.InForeground(os.Stderr.Fd()) {
			w.progress(text)
		}
	}
}

// text is the line of progress: what was done, and how fast, or why not.
func (w *watch) text(d time.Duration, before, now shmq.Counters) string {
	text := fmt.Sprintf("%s records, %s; ", countText(float64(now.Records)), bytesText(int64(now.Bytes)))
	if now.Records == before.Records {
		text += w.waits()
	} else {
		text += rates(now.Records-before.Records, now.Bytes-before.Bytes, d)
	}
	columns, _, _ := sys.TerminalSize(os.Stderr.Fd())
	if columns == 0 {
		columns = 80
	}
	if named := fmt.Sprintf("queue %q: ", w.queue) + text; len(named) < columns {
		return named
	}
	return text[:min(len(text), columns-1)]
}

// finish takes the progress away and sums up if that is wanted.
func (w *watch) finish() {
	close(w.quit)
	<-w.end
	w.progress("")
	if !w.flags.verbose {
		return
	}
	d, c := time.Since(w.start), w.count()
	text := fmt.Sprintf("records %s: %d, %s in %s; %s", w.did, c.Records, bytesText(int64(c.Bytes)), roundText(d), rates(c.Records, c.Bytes, d))
	text += fmt.Sprintf("; went to sleep %d times", c.Waits)
	if c.Redelivered > 0 {
		text += fmt.Sprintf("; delivered before: %d", c.Redelivered)
	}
	w.line("queue %q: %s", w.queue, text)
}

// roundText leaves out what nobody reads.
func roundText(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

func rates(records, bytes uint64, d time.Duration) string {
	s := max(d.Seconds(), 1e-9)
	return fmt.Sprintf("%s records/s, %s/s", countText(float64(records)/s), bytesText(int64(float64(bytes)/s)))
}

// countText returns a number for people: 12.3 M.
func countText(n float64) string {
	if n < 1000 {
		return fmt.Sprintf("%.0f", n)
	}
	const units = "kMGTPE"
	v, i := n/1000, 0
	for ; v >= 999.95 && i < len(units)-1; i++ {
		v /= 1000
	}
	return fmt.Sprintf("%.1f %c", v, units[i])
}

func onTerminal(f *os.File) bool {
	_, _, ok := sys.TerminalSize(f.Fd())
	return ok
}
