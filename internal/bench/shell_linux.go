package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// commands returns the paths of shmq-send and shmq-recv: beside this program, or in
// PATH.
func commands() (send, recv string, err error) {
	if send, err = command("shmq-send"); err != nil {
		return "", "", err
	}
	if recv, err = command("shmq-recv"); err != nil {
		return "", "", err
	}
	for _, other := range []string{"seq", "cat"} {
		if _, err := exec.LookPath(other); err != nil {
			return "", "", fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return send, recv, nil
}

func command(name string) (string, error) {
	if exe, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(exe), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %s is neither beside this program nor in PATH", ErrUnavailable, name)
	}
	return path, nil
}

// runShell moves the numbers up to n through a pipeline, and returns how long that
// took, from before the first command is started until all have ended.
func runShell(ctx context.Context, c Case, dir string, n int) (time.Duration, error) {
	queue := queueIn(dir)
	send, recv, err := commands()
	if err != nil {
		return 0, err
	}
	pipeline := [][]string{{"seq", "1", strconv.Itoa(n)}, {"cat"}, {"cat"}}
	if c.Link == linkCommands {
		pipeline = [][]string{{"seq", "1", strconv.Itoa(n)}, {send, queue, "--close"}, {recv, queue, "--until-eof"}}
	}
	inner, kill := context.WithCancel(ctx)
	defer kill()
	start := time.Now()
	var cmds []*exec.Cmd
	var in *os.File
	for i, argv := range pipeline {
		cmd := exec.CommandContext(inner, argv[0], argv[1:]...)
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
		if in != nil {
			cmd.Stdin = in // a nil *os.File would be no nil io.Reader
		}
		// Between our own commands there is the queue.
		joined := i < len(pipeline)-1 && (c.Link != linkCommands || i == 0)
		var r, w *os.File
		if joined {
			if r, w, err = os.Pipe(); err != nil {
				break
			}
			cmd.Stdout = w
		}
		err = cmd.Start()
		if w != nil {
			err = errors.Join(err, w.Close())
		}
		if in != nil {
			err = errors.Join(err, in.Close())
		}
		in = r
		if err != nil {
			break
		}
		cmds = append(cmds, cmd)
	}
	if err != nil {
		kill() // those that have started
		if in != nil {
			err = errors.Join(err, in.Close())
		}
	}
	for _, cmd := range cmds {
		err = errors.Join(err, cmd.Wait())
	}
	d := time.Since(start)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if rm := os.Remove(queue); rm != nil && !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return d, err
}
