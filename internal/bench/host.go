package bench

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Host is where and with what was measured.
type Host struct {
	Kernel      string    `json:"kernel"`
	CPU         string    `json:"cpu"`
	Cores       int       `json:"cores"` // that this process may use
	Virtualised bool      `json:"virtualised"`
	Go          string    `json:"go"`
	Version     string    `json:"version"`
	Commit      string    `json:"commit,omitempty"` // with +dirty if it was changed
	Time        time.Time `json:"time"`
	ClockNs     float64   `json:"clock_ns"` // what reading the clock once adds to a latency
	// Distance is how far apart the cores were, of most goals; Changed, that it was not the same
	// all the time.
	Distance Distance `json:"distance,omitempty"`
	Changed  bool     `json:"distance_changed,omitempty"`
}

// thisHost describes the machine, the program and the moment.
func thisHost() Host {
	h := Host{Kernel: readLine("/proc/sys/kernel/osrelease"), Cores: runtime.NumCPU(), Go: runtime.Version(), Time: time.Now().UTC().Truncate(time.Second)}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		h.CPU, h.Virtualised = cpuInfo(b)
	}
	if h.CPU == "" {
		h.CPU = runtime.GOARCH
	}
	h.Version, h.Commit = build()
	const looks = 10_000
	start := time.Now()
	for range looks {
		_ = time.Since(start)
	}
	h.ClockNs = perOp(int64(time.Since(start)), looks)
	return h
}

// cpuInfo reads /proc/cpuinfo. The kernel adds the flag hypervisor on a guest.
func cpuInfo(b []byte) (model string, virtualised bool) {
	for line := range bytes.Lines(b) {
		key, value, ok := strings.Cut(string(line), ":")
		if !ok {
			continue
		}
		switch strings.TrimSpace(key) {
		case "model name":
			model = strings.TrimSpace(value)
		case "flags", "Features":
			for f := range strings.FieldsSeq(value) {
				virtualised = virtualised || f == "hypervisor"
			}
		}
	}
	return model, virtualised
}

// build returns the version and commit that the Go toolchain stamped.
func build() (version, commit string) {
	version = "(devel)"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, ""
	}
	if info.Main.Version != "" {
		version = info.Main.Version
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if commit != "" {
		commit += dirty
	}
	return version, commit
}

func readLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
