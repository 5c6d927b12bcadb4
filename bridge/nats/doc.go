// Package nats is a bridge between queues in shared memory and NATS JetStream: the command
// shmq-nats (cmd/shmq-nats), and a demo of it (cmd/demo). docs/bridge.md of the project says
// what it promises. The module is one of its own, so that programs that import the queue do
// not get the NATS client.
package nats
