package cli_test

import (
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli"
	"github.com/shmq/shmq/internal/cli/program"
	"github.com/shmq/shmq/producer"
)

// The test binary is all the commands: it runs one when it is called by its name.
func TestMain(m *testing.M) {
	command := func(root func() *cobra.Command) func() {
		return func() { os.Exit(program.Main(root())) }
	}
	testscript.Main(m, map[string]func(){
		"shmq":      command(cli.Shmq),
		"shmq-send": command(func() *cobra.Command { return cli.Send("shmq-send") }),
		"shmq-recv": command(func() *cobra.Command { return cli.Recv("shmq-recv") }),
		"holder":    holder,
		"keeper":    keeper,
		"diskless":  diskless,
	})
}

// holder QUEUE producer|consumer N is no command of ours but a program to look at: it
// reserves N bytes, or leases as many as N records, and holds them until its input ends.
func holder() {
	n, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	if os.Args[2] == "producer" {
		p, err := producer.OpenRaw(os.Args[1], nil)
		if err == nil {
			_, err = p.TryReserve(n)
		}
		if err != nil {
			log.Fatal(err)
		}
	} else {
		c, err := consumer.OpenRaw(os.Args[1], nil)
		if err == nil && n > 0 {
			_, err = c.TryLeaseBatch(make([]consumer.Lease, n))
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// raceOptions keep a process with the race detector from sleeping a second at its
// end; a hundred processes do that here.
const raceOptions = "atexit_sleep_ms=0"

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			dir := filepath.Join(env.WorkDir, "queues")
			env.Setenv("SHMQ_DIR", dir)
			env.Setenv("GORACE", raceOptions)
			return os.Mkdir(dir, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"bytes":    writeBytes,
			"mkfifo":   mkfifo,
			"truncate": truncate,
			"patch":    patch,
		},
	})
}

// exits CODE COMMAND ARGS... runs a command that has to end with that code, and to
// say why on one line of stderr that starts with its name.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
	stderr := ts.ReadFile("stderr")
	if !strings.HasPrefix(stderr, args[1]) || strings.Count(stderr, "\n") != 1 || !strings.HasSuffix(stderr, "\n") {
		ts.Fatalf("want one line of %s on stderr, have %q", args[1], stderr)
	}
}

// bytes FILE TEXT... writes a file; TEXT has the escapes of Go.
func writeBytes(ts *testscript.TestScript, _ bool, args []string) {
	var text strings.Builder
	for _, a := range args[1:] {
		s, err := strconv.Unquote(`"` + strings.ReplaceAll(a, `"`, `\"`) + `"`)
		ts.Check(err)
		text.WriteString(s)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text.String()), 0o600))
}

func mkfifo(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o600))
}

// truncate FILE SIZE
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

// patch FILE OFFSET BYTE
func patch(ts *testscript.TestScript, _ bool, args []string) {
	off, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	b, err := strconv.ParseUint(args[2], 10, 8)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
	ts.Check(err)
	defer f.Close()
	_, err = f.WriteAt([]byte{byte(b)}, off)
	ts.Check(err)
}
