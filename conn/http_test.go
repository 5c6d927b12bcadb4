//go:build linux

package conn

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/rpc"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testproc"
)

// httpClient reaches a listener, whatever host a URL names.
func httpClient(name string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return Dial(ctx, name) },
	}}
}

func Example() {
	l, err := Listen("example")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s", r.URL.Query().Get("name"))
	})}
	go server.Serve(l)
	defer server.Close()

	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return Dial(ctx, "example") },
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://example/?name=gopher")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	fmt.Println(string(text))
	// Output: hello gopher
}

// All requests of a client go over one connection.
func TestHTTPKeepsItsConnection(t *testing.T) {
	t.Parallel()
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	peers := map[string]bool{}
	conns := 0
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			peers[r.RemoteAddr] = true
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		}),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				conns++
			}
		},
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	client := httpClient(name)
	for i := range 200 {
		body := strings.Repeat("x", i*97)
		resp, err := client.Post("http://x/", "text/plain", strings.NewReader(body))
		require.NoError(t, err)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.True(t, body == string(got))
		require.NoError(t, resp.Body.Close())
	}
	client.CloseIdleConnections()
	require.NoError(t, server.Shutdown(context.Background()))
	require.ErrorIs(t, <-served, http.ErrServerClosed)
	require.Equal(t, 1, conns)
	require.Len(t, peers, 1)
}

// A download arrives whole: 1 GB in the long form.
func TestHTTPDownload(t *testing.T) {
	size := int64(32 << 20)
	if testproc.Long() {
		size = 1 << 30
	}
	name := newName(t)
	l, err := Listen(name)
	require.NoError(t, err)
	source := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, source()) })}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	client := httpClient(name)
	defer client.CloseIdleConnections()
	want, got := sha256.New(), sha256.New()
	_, err = io.Copy(want, source())
	require.NoError(t, err)
	resp, err := client.Get("http://x/")
	require.NoError(t, err)
	defer resp.Body.Close()
	n, err := io.Copy(got, resp.Body)
	require.NoError(t, err)
	require.Equal(t, size, n)
	require.Equal(t, want.Sum(nil), got.Sum(nil))
}

type Arith struct{}

func (Arith) Multiply(args [2]int, product *int) error {
	*product = args[0] * args[1]
	return nil
}

func Example_rpc() {
	l, err := Listen("arith")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	server := rpc.NewServer()
	_ = server.Register(Arith{})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go server.ServeConn(c)
		}
	}()
	c, err := Dial(context.Background(), "arith")
	if err != nil {
		fmt.Println(err)
		return
	}
	client := rpc.NewClient(c)
	defer client.Close()
	var product int
	err = client.Call("Arith.Multiply", [2]int{6, 7}, &product)
	fmt.Println(product, err)
	// Output: 42 <nil>
}
