//go:build linux

package web

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const secret = "0123456789abcdef-secret"

func TestOtherMachinesWantAToken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	require.ErrorIs(t, Serve(t.Context(), l, &Options{Interval: time.Second}), ErrOpen)
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	for address, loopback := range map[string]bool{"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "0.0.0.0:1": false, "[::]:1": false, "192.168.0.1:1": false} {
		at, err := net.ResolveTCPAddr("tcp", address)
		require.NoError(t, err)
		require.Equal(t, loopback, Loopback(at), address)
	}
	require.Error(t, CheckToken("too short"))
	require.NoError(t, CheckToken(secret))
	require.NoError(t, CheckToken(NewToken()))
	require.NotEqual(t, NewToken(), NewToken())
}

func TestNothingIsShownWithoutTheToken(t *testing.T) {
	t.Parallel()
	w := start(t, &Options{Token: secret}, "127.0.0.1:0")
	for _, path := range []string{"/", "/events", "/app.js", "/events?token=" + secret, "/?token=" + secret[1:], "/nothing"} {
		answer, body := w.get(path, nil)
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode, path)
		require.Equal(t, string(tokenPage), body, path)
		require.Empty(t, answer.Cookies())
	}
	answer, _ := w.get("/app.css", nil)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Zero(t, w.looks.Load())
	for _, wrong := range []string{"", secret + "x", strings.ToUpper(secret)} {
		answer, _ := w.get("/", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+wrong) })
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	}
	answer, _ = w.get("/", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) })
	require.Equal(t, http.StatusOK, answer.StatusCode)
}

func TestTheTokenBecomesACookie(t *testing.T) {
	t.Parallel()
	w := start(t, &Options{Token: secret}, "127.0.0.1:0")
	answer, _ := w.get("/?token="+secret, nil)
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	require.Equal(t, "/", answer.Header.Get("Location"), "the token leaves the address bar")
	require.Len(t, answer.Cookies(), 1)
	c := answer.Cookies()[0]
	require.True(t, c.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, c.SameSite)
	require.NotContains(t, c.Value, secret)
	answer, _ = w.get("/", func(r *http.Request) { r.AddCookie(c) })
	require.Equal(t, http.StatusOK, answer.StatusCode)

	c.Value = "0" + c.Value[1:] + "0"
	answer, _ = w.get("/", func(r *http.Request) { r.AddCookie(c) })
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)

	other := start(t, &Options{Token: secret}, "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(other.url, "http://"))
	c.Name = "shmq-web-" + port
	answer, _ = other.get("/", func(r *http.Request) { r.AddCookie(c) })
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode, "a cookie is of one run")
}

// A page of another site, whose name its own DNS server points at this machine, sends that name.
func TestOnlyOwnNamesAreAnswered(t *testing.T) {
	t.Parallel()
	ask := func(w *site, host string) int {
		answer, _ := w.get("/", func(r *http.Request) { r.Host = host })
		return answer.StatusCode
	}
	near := start(t, &Options{Hosts: []string{"queues.example"}}, "127.0.0.1:0")
	for _, host := range []string{"localhost", "localhost:9465", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:80", "[::1]:80", "localhost.", "queues.example:80", "Queues.Example"} {
		require.Equal(t, http.StatusOK, ask(near, host), host)
	}
	for _, host := range []string{"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "192.168.0.7", "xqueues.example", "127.0.0.1:80:80"} {
		require.Equal(t, http.StatusMisdirectedRequest, ask(near, host), host)
	}
	far := start(t, &Options{Token: secret}, "0.0.0.0:0")
	require.Equal(t, http.StatusUnauthorized, ask(far, "192.168.0.7:80"))
	require.Equal(t, http.StatusMisdirectedRequest, ask(far, "evil.example"))
}

func TestThePageOnlyLooks(t *testing.T) {
	t.Parallel()
	w := start(t, &Options{}, "127.0.0.1:0")
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
		answer, _ := w.get("/", func(r *http.Request) { r.Method = method })
		require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode, method)
	}
	answer, _ := w.get("/../server.go", nil)
	require.NotEqual(t, http.StatusOK, answer.StatusCode)
	answer, _ = w.get("/token.html", nil)
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
}

func TestHeadersKeepThePageToItself(t *testing.T) {
	t.Parallel()
	w := start(t, &Options{}, "127.0.0.1:0")
	for _, path := range []string{"/", "/nothing"} {
		answer, _ := w.get(path, nil)
		policy := answer.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			require.Contains(t, policy, part)
		}
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
		require.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"))
	}
}
