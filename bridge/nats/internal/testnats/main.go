// Package testnats gives tests a NATS server with JetStream: in the test's own process, or
// in a child that can be killed, and a proxy that can cut connections. It is the only
// package, beside the demo, that imports the server.
package testnats

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/shmq/shmq/bridge/nats/internal/command"
)

const (
	serverEnv  = "SHMQ_NATS_TEST_SERVER"
	commandEnv = "SHMQ_NATS_TEST_COMMAND"
)

// Config is what a server is like.
type Config struct {
	Dir        string        // of JetStream's files
	Port       int           // -1: any
	MaxPayload int32         `json:",omitempty"`
	Always     bool          `json:",omitempty"` // sync before each PubAck
	Interval   time.Duration `json:",omitempty"` // else, how often to sync
}

func (c Config) options() *server.Options {
	return &server.Options{
		Host: "127.0.0.1", Port: c.Port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: c.Dir, MaxPayload: c.MaxPayload,
		SyncAlways: c.Always, SyncInterval: c.Interval,
		JetStreamMaxMemory: 256 << 20, JetStreamMaxStore: 4 << 30,
	}
}

// Main runs the tests of a package, or, in a child of theirs, a server or shmq-nats.
func Main(m *testing.M) {
	if os.Getenv(commandEnv) != "" {
		os.Exit(command.Main())
	}
	if text, ok := os.LookupEnv(serverEnv); ok {
		serve(text)
	}
	os.Exit(m.Run())
}

// serve is the child: it says its address, and ends with its parent.
func serve(text string) {
	var c Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		fail(err)
	}
	s, err := server.NewServer(c.options())
	if err != nil {
		fail(err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		fail(fmt.Errorf("not ready"))
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	s.WaitForShutdown()
	os.Exit(0)
}

func fail(err error) {
	fmt.Println("FAIL", err)
	os.Exit(1)
}
