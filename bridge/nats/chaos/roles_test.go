package chaos_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

const roleEnv = "SHMQ_CHAOS_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0) // the test is gone, or wants this one to end
		}()
		if err := roles[role](os.Args[1:]); err != nil {
			fmt.Println("FAIL", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testnats.Main(m)
}

var roles = map[string]func([]string) error{"produce": produce, "consume": consume}

// record is what a producer sends: its life, and a number from 0 on. Its size varies.
func record(life, n uint64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, life)
	b = binary.LittleEndian.AppendUint64(b, n)
	return append(b, make([]byte, n*37%400)...)
}

func parse(b []byte) (life, n uint64) {
	return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
}

// produce sends records to a queue, and says each that was sent.
func produce(args []string) error {
	life, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	p, err := producer.OpenRaw(args[0], nil)
	if err != nil {
		return err
	}
	for n := uint64(0); ; n++ {
		if err := p.Send(context.Background(), record(life, n)); err != nil {
			return err
		}
		fmt.Println(n)
		if n%64 == 63 {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// consume receives from a queue, and says each record with its position before it is
// acknowledged.
func consume(args []string) error {
	c, err := consumer.OpenRaw(args[0], nil)
	if err != nil {
		return err
	}
	for {
		l, err := c.Lease(context.Background())
		if err != nil {
			return err
		}
		fmt.Printf("%d %s\n", l.ID().Position, l.Bytes())
		l.Ack()
	}
}

// child is a process in a role.
type child struct {
	cmd  *exec.Cmd
	in   io.Closer
	done sync.WaitGroup
}

// start starts a process that says lines to hear.
func start(t testing.TB, role string, hear func(line string), args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0], args...)}
	c.cmd.Env = append(os.Environ(), roleEnv+"="+role)
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	c.in, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	c.done.Go(func() {
		in := bufio.NewReader(out)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return // a line that was cut off was not said
			}
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "FAIL") {
				t.Errorf("%s %v: %s", role, args, line)
				return
			}
			hear(line)
		}
	})
	return c
}

// kill kills it with SIGKILL, after all that it said was heard.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	c.done.Wait()
	_ = c.cmd.Wait()
}

func (c *child) signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) }
