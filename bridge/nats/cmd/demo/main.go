// Command demo shows the bridge on a machine with nothing but Go: a queue, a bridge to a
// stream of a NATS server inside this process, and a bridge from there to another queue. Both
// bridges are killed again and again, and the server is started anew; in the end the
// records are counted.
//
//	go run ./cmd/demo
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"

	"github.com/shmq/shmq/bridge/nats/internal/command"
)

const bridgeEnv = "SHMQ_NATS_DEMO_BRIDGE"

func main() {
	if os.Getenv(bridgeEnv) != "" { // a child of the demo is shmq-nats
		os.Exit(command.Main())
	}
	count := flag.Int("records", 200000, "how many records go over")
	kills := flag.Int("kills", 6, "how often each bridge is killed")
	flag.Parse()
	dir, err := os.MkdirTemp("", "shmq-nats-demo-")
	if err == nil {
		err = errors.Join(run(dir, *count, *kills), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// natsd is the server of the demo. It keeps its port and its files when it starts anew.
type natsd struct {
	*server.Server
	dir  string
	port int
}

func (d *natsd) start() error {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: d.port, JetStream: true, StoreDir: d.dir, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		return errors.New("the server does not start")
	}
	d.Server = s
	if at, ok := s.Addr().(*net.TCPAddr); ok {
		d.port = at.Port
	}
	return nil
}

func (d *natsd) stop() {
	d.Shutdown()
	d.WaitForShutdown()
}

// bridge is a shmq-nats in a process of its own.
type bridge struct {
	args []string
	cmd  *exec.Cmd
}

func (b *bridge) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.cmd = exec.Command(self, b.args...)
	b.cmd.Env = append(os.Environ(), bridgeEnv+"=1")
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return b.cmd.Start()
}

func (b *bridge) kill() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait() // it was killed
}

func run(dir string, count, kills int) error {
	d := &natsd{dir: filepath.Join(dir, "nats"), port: -1}
	if err := d.start(); err != nil {
		return err
	}
	defer func() { d.stop() }()
	nc, err := nats.Connect(d.ClientURL(), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx := context.Background()
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "DEMO", Subjects: []string{"demo"}})
	if err != nil {
		return err
	}
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := errors.Join(
		shmq.Create(from, &shmq.Options{Slots: 1 << 14, SlotSize: 64}),
		shmq.Create(to, &shmq.Options{Producers: shmq.One, Slots: 1 << 14, SlotSize: 64})); err != nil {
		return err
	}
	push := &bridge{args: []string{"push", from, "--stream", "DEMO", "--subject", "demo", "--server", d.ClientURL(), "--too-large", "refuse"}}
	pull := &bridge{args: []string{"pull", to, "--stream", "DEMO", "--consumer", "demo", "--server", d.ClientURL(), "--too-large", "refuse"}}
	for _, b := range []*bridge{push, pull} {
		if err := b.start(); err != nil {
			return err
		}
		defer func() { b.kill() }()
	}
	say("queue %s --push--> stream DEMO at %s --pull--> queue %s", from, d.ClientURL(), to)

	sent := make(chan error, 1)
	go func() { sent <- send(from, count) }()
	counted := make(chan error, 1)
	go func() { counted <- receive(to, count) }()
	for i := range kills {
		time.Sleep(250 * time.Millisecond)
		push.kill()
		pull.kill()
		info, err := stream.Info(ctx)
		if err != nil {
			return err
		}
		say("both bridges killed with SIGKILL, %d records in the stream; they start again", info.State.Msgs)
		if i == kills/2 {
			d.stop()
			say("the server is stopped, and starts again")
		}
		if err := errors.Join(push.start(), pull.start()); err != nil {
			return err
		}
		if i == kills/2 {
			if err := d.start(); err != nil {
				return err
			}
		}
	}
	if err := <-sent; err != nil {
		return err
	}
	if err := <-counted; err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return err
	}
	say("sent %d records; %d in the stream; %d received, each once, in order", count, info.State.Msgs, count)
	if info.State.Msgs != uint64(count) {
		return fmt.Errorf("the stream has %d records", info.State.Msgs)
	}
	return nil
}

// send sends the numbers from 0 on.
func send(queue string, count int) error {
	p, err := producer.OpenRaw(queue, nil)
	if err != nil {
		return err
	}
	for i := range count {
		if err := p.Send(context.Background(), binary.LittleEndian.AppendUint64(nil, uint64(i))); err != nil {
			return err
		}
	}
	return p.Close()
}

// receive receives them, and compares.
func receive(queue string, count int) error {
	c, err := consumer.OpenRaw(queue, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var b []byte
	for i := range count {
		if b, err = c.Receive(ctx, b[:0]); err != nil {
			return fmt.Errorf("after %d records: %w", i, err)
		}
		if got := binary.LittleEndian.Uint64(b); got != uint64(i) {
			return fmt.Errorf("record %d came where %d was due", got, i)
		}
	}
	return c.Close()
}
