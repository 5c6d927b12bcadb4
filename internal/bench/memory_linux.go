package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/shmq/shmq"
)

// footprint is what a process has in memory that is not shared memory, in bytes.
type footprint struct{ anonymous, files int64 }

func (f footprint) sum() int64 { return f.anonymous + f.files }

func (f footprint) String() string {
	return fmt.Sprintf("bytes, not ns: %s of its own, %s of files, which all that run them share", count(f.anonymous), count(f.files))
}

// bareIdle is the least that a Go program takes: it sleeps on a futex, a heartbeat at a time.
const bareIdle = `package main

import (
	"syscall"
	"unsafe"
)

func main() {
	var word uint32
	for {
		heartbeat := syscall.NsecToTimespec(100e6)
		syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(&word)), 0, 0, uintptr(unsafe.Pointer(&heartbeat)), 0, 0)
	}
}
`

// idler returns the command that sleeps, and what tells that it does so.
func idler(ctx context.Context, c Case, dir string) (argv []string, asleep func() bool, err error) {
	if c.Link == linkBareIdle {
		exe := filepath.Join(dir, "idle")
		if _, err := os.Stat(exe); err == nil {
			return []string{exe}, nil, nil
		}
		tool, err := exec.LookPath("go")
		if err != nil {
			return nil, nil, fmt.Errorf("%w: it is built, and there is no Go: %w", ErrUnavailable, err)
		}
		if err := os.WriteFile(exe+".go", []byte(bareIdle), 0o600); err != nil {
			return nil, nil, err
		}
		build := exec.CommandContext(ctx, tool, "build", "-o", exe, exe+".go")
		build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("%w: it can't be built: %w: %s", ErrUnavailable, err, bytes.TrimSpace(out))
		}
		return []string{exe}, nil, nil
	}
	recv, err := command("shmq-recv")
	if err != nil {
		return nil, nil, err
	}
	queue := queueIn(dir)
	return []string{recv, queue}, func() bool {
		info, err := shmq.Stat(queue)
		return err == nil && len(info.Participants) == 1 && info.Participants[0].Waits > 1
	}, nil
}

// idlePatience bounds how long a process takes to fall asleep, and idleLeast is how long it
// is left to itself at the least.
const (
	idlePatience = 10 * time.Second
	idleLeast    = 500 * time.Millisecond
)

// measureIdle starts a process that soon sleeps, and returns what it takes then.
func measureIdle(ctx context.Context, c Case, dir string) (f footprint, err error) {
	argv, asleep, err := idler(ctx, c, dir)
	if err != nil {
		return f, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = dependent()
	if err := cmd.Start(); err != nil {
		return f, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it says that the process was killed
		if asleep != nil {
			err = errors.Join(err, os.Remove(argv[1]))
		}
	}()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		waited := time.Since(begun)
		if waited > idleLeast && (asleep == nil || asleep()) {
			break
		}
		if waited > idlePatience || ctx.Err() != nil {
			return f, fmt.Errorf("%s did not come to rest in %v", argv[0], idlePatience)
		}
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/status")
	if err != nil {
		return f, err
	}
	for line := range bytes.Lines(status) {
		var kib int64
		if n, _ := fmt.Sscanf(string(line), "RssAnon: %d kB", &kib); n == 1 {
			f.anonymous = kib << 10
		} else if n, _ := fmt.Sscanf(string(line), "RssFile: %d kB", &kib); n == 1 {
			f.files += kib << 10
		} else if n, _ := fmt.Sscanf(string(line), "RssShmem: %d kB", &kib); n == 1 && c.Link == linkBareIdle {
			f.files += kib << 10 // the program itself lies there; of a receiver it is the ring
		}
	}
	if f.sum() == 0 {
		err = fmt.Errorf("%w: the kernel does not tell RssAnon and RssFile", ErrUnavailable)
	}
	return f, err
}
