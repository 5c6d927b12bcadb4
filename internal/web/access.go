package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// minToken is how long a token is at least.
const minToken = 16

// NewToken returns a token that nobody guesses.
func NewToken() string { return rand.Text() }

// CheckToken returns an error for a token that could be guessed, or can't be in a cookie's request.
func CheckToken(token string) error {
	if len(token) < minToken {
		return fmt.Errorf("want a token of %d characters or more, or auto", minToken)
	}
	return nil
}

// Loopback reports whether an address of a listener can be reached from this machine only.
func Loopback(a net.Addr) bool {
	at, err := netip.ParseAddrPort(a.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// access decides whose requests are answered.
type access struct {
	token    string // "" for everybody
	loopback bool
	hosts    []string
	cookie   string // its name: cookies know no ports
	session  string // its value, which is of this run and tells nothing of the token
}

func newAccess(o *Options, at net.Addr) *access {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(o.Token))
	_, port, _ := net.SplitHostPort(at.String())
	return &access{
		token: o.Token, loopback: Loopback(at), hosts: o.Hosts,
		cookie: "shmq-web-" + port, session: hex.EncodeToString(mac.Sum(nil)),
	}
}

// host reports whether a request was meant for this server. A name that somebody else's
// DNS server points here is not one of its own: so no other site's page can read this one.
func (a *access) host(header string) bool {
	name := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return !a.loopback || ip.Unmap().IsLoopback()
	}
	return name == "localhost" || slices.ContainsFunc(a.hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// same compares in a time that does not tell where two texts differ.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// may reports whether a request carries the token, or the cookie that it was changed for.
func (a *access) may(r *http.Request) bool {
	if a.token == "" {
		return true
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return same(bearer, a.token)
	}
	c, err := r.Cookie(a.cookie)
	return err == nil && same(c.Value, a.session)
}

// guard answers requests that are not for this server, or not from those who may see it.
func (a *access) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers(w.Header())
		switch token := r.URL.Query().Get("token"); {
		case !a.host(r.Host):
			http.Error(w, "this server does not go by that name; use its address, or start it with --host NAME", http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the page only looks: GET", http.StatusMethodNotAllowed)
		case a.token != "" && r.URL.Path == "/" && token != "" && same(token, a.token):
			http.SetCookie(w, &http.Cookie{Name: a.cookie, Value: a.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
			http.Redirect(w, r, "/", http.StatusSeeOther) // the token leaves the address bar
		case !a.may(r) && !open(r.URL.Path):
			w.Header().Set("WWW-Authenticate", `Bearer realm="shmq web"`)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write(tokenPage)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// open reports whether everybody may have a file: the page that asks for the token needs it.
func open(path string) bool { return path == "/app.css" || path == "/icon.svg" }

// headers keep the page to itself: no script, style, frame or request of anybody else.
func headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}
