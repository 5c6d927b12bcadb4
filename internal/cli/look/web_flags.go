package look

import (
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/shmq/shmq/internal/web"
)

// listenAddress is a flag: HOST:PORT, HOST may be empty.
type listenAddress string

// Type returns what the help calls the value.
func (a *listenAddress) Type() string { return "address" }

func (a *listenAddress) String() string { return string(*a) }

// Set parses s.
func (a *listenAddress) Set(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("want HOST:PORT like 127.0.0.1:9465; port 0 is any free one")
	}
	*a = listenAddress(s)
	return nil
}

// webToken is a flag: a token, or auto.
type webToken string

// Type returns what the help calls the value.
func (t *webToken) Type() string { return "token" }

func (t *webToken) String() string { return string(*t) }

// Set takes a token that is good enough; auto stands for one that is made up.
func (t *webToken) Set(s string) error {
	if s == "auto" {
		s = web.NewToken()
	} else if err := web.CheckToken(s); err != nil {
		return err
	}
	*t = webToken(s)
	return nil
}

// hostNames is a flag that may come again: names of a host, without a port.
type hostNames []string

// Type returns what the help calls the value.
func (n *hostNames) Type() string { return "name" }

func (n *hostNames) String() string { return strings.Join(*n, ",") }

// Set adds a name.
func (n *hostNames) Set(s string) error {
	letters := func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if s == "" || strings.ContainsFunc(s, letters) {
		return errors.New("want the name of a host, as queues.example.org")
	}
	*n = append(*n, s)
	return nil
}
