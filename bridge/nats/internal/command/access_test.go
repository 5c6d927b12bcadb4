package command_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/bridge/nats/internal/testnats"
)

// secured is a server that asks who comes, with stream S; opts are those of a connection
// that is let in.
func secured(t *testing.T, change func(*natsd.Options), opts ...nats.Option) (url string, got func() []int) {
	t.Helper()
	url = testnats.Embedded(t, testnats.Config{}, change).ClientURL()
	_, js := testnats.Connect(t, url, opts...)
	stream(t, js, nil)
	return url, func() []int { return numbers(t, js) }
}

func pushArgs(q string, more ...string) []string {
	return append([]string{"push", q, "--stream", "S", "--subject", "s", "--until-empty"}, more...)
}

func TestUserAndPasswordByFlagsAndByContext(t *testing.T) {
	t.Parallel()
	url, got := secured(t, func(o *natsd.Options) { o.Username, o.Password = "ada", "secret" }, nats.UserInfo("ada", "secret"))
	q := small(t, nil)
	sendNumbers(t, q, 0, 1)
	require.Contains(t, testnats.Run(t, pushArgs(q, "--server", url)...).Ends(77), "the server refuses it")
	require.Contains(t, testnats.Run(t, pushArgs(q, "--server", url, "--user", "ada")...).Ends(77), "the server refuses it")

	dir := t.TempDir()
	write := func(name, password string) string {
		b, err := json.Marshal(map[string]string{"url": url, "user": "ada", "password": password})
		require.NoError(t, err)
		file := filepath.Join(dir, name+".json")
		require.NoError(t, os.WriteFile(file, b, 0o600))
		return file
	}
	testnats.Run(t, pushArgs(q, "--context", write("wrong", "no"))...).Ends(77)
	require.Empty(t, got())
	testnats.Run(t, pushArgs(q, "--context", write("right", "secret"))...).Ends(0)
	require.Equal(t, upTo(1), got())
	require.Contains(t, testnats.Run(t, pushArgs(q, "--context", filepath.Join(dir, "none.json"))...).Ends(66), "none.json")
}

func TestAnNKey(t *testing.T) {
	t.Parallel()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "seed")
	require.NoError(t, os.WriteFile(file, seed, 0o600))
	option, err := nats.NkeyOptionFromSeed(file)
	require.NoError(t, err)
	url, got := secured(t, func(o *natsd.Options) { o.Nkeys = []*natsd.NkeyUser{{Nkey: public}} }, option)
	q := small(t, nil)
	sendNumbers(t, q, 0, 1)
	testnats.Run(t, pushArgs(q, "--server", url)...).Ends(77)
	testnats.Run(t, pushArgs(q, "--server", url, "--nkey", file)...).Ends(0)
	require.Equal(t, upTo(1), got())
}

// The server trusts an operator, who has signed an account, which has signed a user; the
// user's credentials file has that and the key.
func TestACredentialsFile(t *testing.T) {
	t.Parallel()
	pair := func(prefix nkeys.PrefixByte) (key nkeys.KeyPair, public string) {
		key, err := nkeys.CreatePair(prefix)
		require.NoError(t, err)
		public, err = key.PublicKey()
		require.NoError(t, err)
		return key, public
	}
	operator, operatorID := pair(nkeys.PrefixByteOperator)
	accounts := &natsd.MemAccResolver{}
	account := func(change func(*jwt.AccountClaims)) (nkeys.KeyPair, string) {
		key, id := pair(nkeys.PrefixByteAccount)
		claims := jwt.NewAccountClaims(id)
		change(claims)
		signed, err := claims.Encode(operator)
		require.NoError(t, err)
		require.NoError(t, accounts.Store(id, signed))
		return key, id
	}
	_, system := account(func(*jwt.AccountClaims) {})
	ours, _ := account(func(c *jwt.AccountClaims) {
		c.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	})
	stranger, _ := pair(nkeys.PrefixByteAccount)
	dir := t.TempDir()
	credentials := func(name string, signer nkeys.KeyPair) string {
		user, id := pair(nkeys.PrefixByteUser)
		signed, err := jwt.NewUserClaims(id).Encode(signer)
		require.NoError(t, err)
		seed, err := user.Seed()
		require.NoError(t, err)
		text, err := jwt.FormatUserConfig(signed, seed)
		require.NoError(t, err)
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, text, 0o600))
		return file
	}
	right := credentials("right.creds", ours)
	url, got := secured(t, func(o *natsd.Options) {
		o.TrustedOperators = []*jwt.OperatorClaims{jwt.NewOperatorClaims(operatorID)}
		o.AccountResolver, o.SystemAccount = accounts, system
	}, nats.UserCredentials(right))
	q := small(t, nil)
	sendNumbers(t, q, 0, 1)
	testnats.Run(t, pushArgs(q, "--server", url)...).Ends(77)
	testnats.Run(t, pushArgs(q, "--server", url, "--creds", credentials("stranger.creds", stranger))...).Ends(77)
	require.Contains(t, testnats.Run(t, pushArgs(q, "--server", url, "--creds", filepath.Join(dir, "none.creds"))...).Ends(66), "none.creds")
	require.Empty(t, got())
	testnats.Run(t, pushArgs(q, "--server", url, "--creds", right)...).Ends(0)
	require.Equal(t, upTo(1), got())
	sendNumbers(t, q, 1, 2)
	context := filepath.Join(dir, "context.json")
	b, err := json.Marshal(map[string]string{"url": url, "creds": right})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(context, b, 0o600))
	testnats.Run(t, pushArgs(q, "--context", context)...).Ends(0)
	require.Equal(t, upTo(2), got())
}

func TestTLS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	self := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, self, self, &key.PublicKey, key)
	require.NoError(t, err)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	url, got := secured(t, func(o *natsd.Options) {
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
		o.TLS, o.TLSTimeout = true, 5
	}, nats.RootCAs(ca))
	q := small(t, nil)
	sendNumbers(t, q, 0, 1)
	testnats.Run(t, pushArgs(q, "--server", url, "--tlsca", ca)...).Ends(0)
	require.Equal(t, upTo(1), got())
	stranger := testnats.Run(t, pushArgs(q, "--server", url)...)
	stranger.Says("certificate")
	stranger.Kill()
}
