//go:build linux

package peers

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// program is a source file in cpp, with the peers that it measures.
type program struct {
	source string
	needs  string // the Debian package
	libs   []string
	links  []string
	// Runs besides the pinned one of both kinds.
	alsoFree      bool
	onlyRoundTrip bool

	once   sync.Once
	binary []byte
	absent string // why there is no binary, if it needs what is not installed
	err    error
}

var programs = []*program{
	{source: "bare.cpp", needs: "g++", onlyRoundTrip: true, links: []string{"bare-cache-lines", "bare-futex"}},
	{source: "boost_spsc.cpp", needs: "libboost-dev", links: []string{"boost-spsc-queue/polling"}},
	{source: "boost_mq.cpp", needs: "libboost-dev", links: []string{"boost-message-queue/polling", "boost-message-queue/waiting"}},
	{source: "readerwriter.cpp", needs: "libreaderwriterqueue-dev", links: []string{
		"moodycamel-readerwriterqueue/threads/polling", "moodycamel-blocking-ring/threads/waiting"}},
	{source: "moodycamel.cpp", needs: "libconcurrentqueue-dev", links: []string{"moodycamel-concurrentqueue/threads/polling"}},
	{source: "zeromq.cpp", needs: "libzmq3-dev", libs: []string{"-lzmq"}, alsoFree: true, links: []string{"zeromq-ipc/waiting"}},
}

// inCpp lists the peers in C++ that have the mode, "throughput" or "roundtrip".
func inCpp(mode string) (peers []peer) {
	for _, p := range programs {
		if p.onlyRoundTrip && mode != "roundtrip" {
			continue
		}
		for _, link := range p.links {
			for _, cores := range []string{"pinned", "free"} {
				if cores == "free" && !p.alsoFree {
					continue
				}
				peers = append(peers, peer{"cpp/" + link + "/" + cores, func(t testing.TB, records int) float64 {
					return p.run(t, mode, records, cores, link)
				}})
			}
		}
	}
	return peers
}

// run returns the figure that the program prints after the name of the link.
func (p *program) run(t testing.TB, mode string, records int, cores, link string) float64 {
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.build(t), mode, strconv.Itoa(records), cores, link)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	figure, ok := strings.CutPrefix(strings.TrimSpace(string(out)), link+" ")
	require.True(t, ok, "it printed %q", out)
	ns, err := strconv.ParseFloat(figure, 64)
	require.NoError(t, err)
	return ns
}

// build returns the path of the compiled program, and skips the test if the compiler or
// the library is not installed.
func (p *program) build(t testing.TB) string {
	p.once.Do(func() { p.binary, p.absent, p.err = p.compile(t.TempDir()) })
	require.NoError(t, p.err)
	if p.absent != "" {
		t.Skipf("%s; it takes the package %s", p.absent, p.needs)
	}
	path := filepath.Join(t.TempDir(), "peer")
	require.NoError(t, os.WriteFile(path, p.binary, 0o700))
	return path
}

// notInstalled is what a compiler says of a header, and a linker of a library.
var notInstalled = regexp.MustCompile(`fatal error: .*: No such file or directory|cannot find -l\S+`)

func (p *program) compile(dir string) (binary []byte, absent string, err error) {
	path := filepath.Join(dir, "compiled")
	args := append([]string{"-std=c++17", "-O2", "-pthread", "-o", path, filepath.Join("cpp", p.source)}, p.libs...)
	cmd := exec.Command("g++", append(args, "-lrt")...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, "no g++", nil
	}
	if missing := notInstalled.Find(out); err != nil && missing != nil {
		return nil, string(missing), nil
	}
	if err != nil {
		return nil, "", errors.Join(err, errors.New(string(out)))
	}
	binary, err = os.ReadFile(path)
	return binary, "", err
}
