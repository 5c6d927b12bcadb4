//go:build linux

package conntest

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/conn"
)

// The service, written down by hand: Echo answers each message with itself, Count sends as
// many messages as it is asked for, Chat answers each of a stream, Hang waits for the end of
// its context.
const service = "conntest.Test"

type bytesValue = wrapperspb.BytesValue

// begun has something whenever a call of Hang has reached the server, and hung when it has ended.
type testServer struct {
	begun chan struct{}
	hung  chan error
}

func (s *testServer) desc() *grpc.ServiceDesc {
	unary := func(name string, f func(context.Context, *bytesValue) (*bytesValue, error)) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(bytesValue)
			if err := dec(in); err != nil {
				return nil, err
			}
			return f(ctx, in)
		}}
	}
	return &grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			unary("Echo", func(_ context.Context, in *bytesValue) (*bytesValue, error) { return in, nil }),
			unary("Hang", func(ctx context.Context, _ *bytesValue) (*bytesValue, error) {
				s.begun <- struct{}{}
				<-ctx.Done()
				s.hung <- ctx.Err()
				return nil, ctx.Err()
			}),
		},
		Streams: []grpc.StreamDesc{
			{StreamName: "Count", ServerStreams: true, Handler: count},
			{StreamName: "Chat", ServerStreams: true, ClientStreams: true, Handler: chat},
		},
	}
}

// count sends messages of 1 KiB, as many as the first byte of the question says in
// thousands.
func count(_ any, stream grpc.ServerStream) error {
	in := new(bytesValue)
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	out := &bytesValue{Value: make([]byte, 1<<10)}
	for i := range int(in.Value[0]) * 1000 {
		out.Value[0] = byte(i)
		if err := stream.SendMsg(out); err != nil {
			return err
		}
	}
	return nil
}

func chat(_ any, stream grpc.ServerStream) error {
	for {
		in := new(bytesValue)
		if err := stream.RecvMsg(in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(in); err != nil {
			return err
		}
	}
}

// link is what gRPC goes over.
type link struct {
	listen func(name string) (net.Listener, error)
	dial   func(ctx context.Context, name string) (net.Conn, error)
}

func overConn(wait shmq.WaitPolicy) link {
	return link{
		func(name string) (net.Listener, error) { return (&conn.ListenConfig{Wait: wait}).Listen(name) },
		func(ctx context.Context, name string) (net.Conn, error) {
			return (&conn.Dialer{Wait: wait}).Dial(ctx, name)
		},
	}
}

var overUnix = link{
	func(name string) (net.Listener, error) { return net.Listen("unix", name) },
	func(ctx context.Context, name string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", name)
	},
}

// serve starts the service and returns a client of it.
func serve(t testing.TB, over link, s *testServer) *grpc.ClientConn {
	t.Helper()
	name := filepath.Join(t.TempDir(), "grpc")
	l, err := over.listen(name)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	server.RegisterService(s.desc(), nil)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return dial(t, over, name)
}

func dial(t testing.TB, over link, name string) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///"+name,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(over.dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func echo(ctx context.Context, c *grpc.ClientConn, in []byte) error {
	out := new(bytesValue)
	if err := c.Invoke(ctx, "/"+service+"/Echo", &bytesValue{Value: in}, out); err != nil {
		return err
	}
	if string(out.Value) != string(in) {
		return errors.New("wrong answer")
	}
	return nil
}

func TestGRPCUnary(t *testing.T) {
	c := serve(t, overConn(shmq.SpinThenPark), new(testServer))
	for i := range 500 {
		if err := echo(t.Context(), c, make([]byte, i*37)); err != nil {
			t.Fatal(i, err)
		}
	}
	failed := make(chan error)
	for range 8 {
		go func() {
			var err error
			for range 100 {
				err = errors.Join(err, echo(t.Context(), c, make([]byte, 10_000)))
			}
			failed <- err
		}()
	}
	for range 8 {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
}

func TestGRPCStreams(t *testing.T) {
	c := serve(t, overConn(shmq.SpinThenPark), new(testServer))
	if n, err := download(t.Context(), c, 5); err != nil || n != 5000 {
		t.Fatal(n, err)
	}
	stream, err := c.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+service+"/Chat")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		in, out := &bytesValue{Value: make([]byte, i*100)}, new(bytesValue)
		if err := stream.SendMsg(in); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(out); err != nil || len(out.Value) != len(in.Value) {
			t.Fatal(i, len(out.Value), err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(bytesValue)); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

// download receives so many thousands of messages in order.
func download(ctx context.Context, c *grpc.ClientConn, thousands byte) (n int, err error) {
	stream, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+service+"/Count")
	if err == nil {
		err = stream.SendMsg(&bytesValue{Value: []byte{thousands}})
	}
	if err == nil {
		err = stream.CloseSend()
	}
	for err == nil {
		out := new(bytesValue)
		if err = stream.RecvMsg(out); err != nil {
			break
		}
		if out.Value[0] != byte(n) {
			return n, errors.New("out of order")
		}
		n++
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// A cancelled call and one that is late end at the server too, and the connection goes on.
func TestGRPCCancellation(t *testing.T) {
	const calls = 100 // more than it comes to
	s := &testServer{begun: make(chan struct{}, calls), hung: make(chan error, calls)}
	c := serve(t, overConn(shmq.SpinThenPark), s)
	hang := func(ctx context.Context) codes.Code {
		return status.Code(c.Invoke(ctx, "/"+service+"/Hang", new(bytesValue), new(bytesValue)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.begun
		cancel()
	}()
	if code := hang(ctx); code != codes.Canceled {
		t.Fatal(code)
	}
	if err := <-s.hung; err == nil {
		t.Fatal("the server was not told")
	}
	for patience, reached := 10*time.Millisecond, false; !reached; patience *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if code := hang(ctx); code != codes.DeadlineExceeded {
			t.Fatal(code)
		}
		cancel()
		select {
		case <-s.begun:
			<-s.hung
			reached = true
		default: // the call was late before the server had it
		}
	}
	// A stream that its reader gives up with a lot on its way.
	ctx, cancel = context.WithCancel(t.Context())
	stream, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+service+"/Count")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.SendMsg(&bytesValue{Value: []byte{100}}), stream.CloseSend(), stream.RecvMsg(new(bytesValue))); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := echo(t.Context(), c, []byte("still there")); err != nil {
		t.Fatal(err)
	}
}
