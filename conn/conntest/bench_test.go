//go:build linux

package conntest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/shmq/shmq"
)

// links are compared by the benchmarks. The server is a process of its own.
var links = map[string]link{
	"conn":   overConn(shmq.SpinThenPark),
	"parked": overConn(shmq.Park),
	"unix":   overUnix,
	"tcp": {
		func(name string) (net.Listener, error) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil {
				err = os.WriteFile(name, []byte(l.Addr().String()), 0o600)
			}
			return l, err
		},
		func(ctx context.Context, name string) (net.Conn, error) {
			address, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, "tcp", string(address))
		},
	},
}

const serverEnv = "CONNTEST_SERVER"

func TestMain(m *testing.M) {
	if name := os.Getenv(serverEnv); name != "" {
		if err := serveChild(name, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveChild serves until standard input ends.
func serveChild(kind, name string) error {
	l, err := links[kind].listen(name)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	server.RegisterService(new(testServer).desc(), nil)
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		server.Stop()
	}()
	fmt.Println("ready")
	return server.Serve(l)
}

// startServer starts a server in a process of its own and returns a client of it.
func startServer(b *testing.B, kind string) *grpc.ClientConn {
	b.Helper()
	name := filepath.Join(b.TempDir(), "grpc")
	cmd := exec.Command(os.Args[0], name)
	cmd.Env = append(os.Environ(), serverEnv+"="+kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	return dial(b, links[kind], name)
}

// BenchmarkGRPC measures unary calls of 100 bytes, one at a time and 16 at once, and streams
// of messages of 1 KiB, one at a time and one way.
func BenchmarkGRPC(b *testing.B) {
	for _, what := range []struct {
		name string
		run  func(b *testing.B, c *grpc.ClientConn)
	}{
		{"unary", func(b *testing.B, c *grpc.ClientConn) { unary(b, c, 1) }},
		{"unary16", func(b *testing.B, c *grpc.ClientConn) { unary(b, c, 16) }},
		{"stream", oneWay},
	} {
		for _, kind := range []string{"conn", "parked", "unix", "tcp"} {
			b.Run(what.name+"/"+kind, func(b *testing.B) {
				c := startServer(b, kind)
				if err := echo(b.Context(), c, nil); err != nil { // it is connected then
					b.Fatal(err)
				}
				b.ResetTimer()
				what.run(b, c)
			})
		}
	}
}

func unary(b *testing.B, c *grpc.ClientConn, callers int) {
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		wg.Go(func() {
			in := make([]byte, 100)
			for n := i; n < b.N && errs[i] == nil; n += callers {
				errs[i] = echo(b.Context(), c, in)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
}

// oneWay counts an operation for each message of a download.
func oneWay(b *testing.B, c *grpc.ClientConn) {
	b.SetBytes(1 << 10)
	for n := 0; n < b.N; {
		got, err := download(b.Context(), c, byte(min(100, (b.N-n+999)/1000)))
		if err != nil {
			b.Fatal(err)
		}
		n += got
	}
}
