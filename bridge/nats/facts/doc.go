// Package facts holds what the bridge relies on in NATS JetStream, and what it has to
// work around: each a test against the server, which fails when an upgrade changes it.
package facts
