// Package conntest has the tests of package conn that need more than the standard library:
// the conformance test of golang.org/x/net, and gRPC over it. It is a module of its own, so
// that the library does not depend on either.
package conntest
