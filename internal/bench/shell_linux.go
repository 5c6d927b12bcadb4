package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// pipeline returns the commands that move the numbers up to n. Error: ErrUnavailable.
func pipeline(c Case, queue string, n int) ([][]string, error) {
	for _, other := range []string{"seq", "cat"} {
		if _, err := exec.LookPath(other); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	seq := []string{"seq", "1", strconv.Itoa(n)}
	if c.Link == linkCat {
		return [][]string{seq, {"cat"}, {"cat"}}, nil
	}
	send, err := command("shmq-send")
	if err != nil {
		return nil, err
	}
	recv, err := command("shmq-recv")
	if err != nil {
		return nil, err
	}
	return [][]string{seq, {send, queue, "--close"}, {recv, queue, "--until-eof"}}, nil
}

// command returns the path of one of ours: beside this program, or in PATH.
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
	line, err := pipeline(c, queue, n)
	if err != nil {
		return 0, err
	}
	inner, kill := context.WithCancel(ctx)
	defer kill()
	cmds := make([]*exec.Cmd, len(line))
	for i, argv := range line {
		cmd := exec.CommandContext(inner, argv[0], argv[1:]...)
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = dependent()
		if i == 1 || i > 1 && c.Link == linkCat { // between our own commands there is the queue
			if cmd.Stdin, err = cmds[i-1].StdoutPipe(); err != nil {
				return 0, err
			}
		}
		cmds[i] = cmd
	}
	begin := time.Now()
	started := 0
	for ; started < len(cmds); started++ {
		if err = cmds[started].Start(); err != nil {
			kill() // the others would wait for it
			break
		}
	}
	for _, cmd := range cmds[:started] {
		err = errors.Join(err, cmd.Wait())
	}
	took := time.Since(begin)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if c.Link == linkCommands {
		err = errors.Join(err, os.Remove(queue))
	}
	return took, err
}
