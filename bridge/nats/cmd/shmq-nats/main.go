// Command shmq-nats is a bridge between queues in shared memory and NATS JetStream.
package main

import (
	"os"

	"github.com/shmq/shmq/bridge/nats/internal/command"
)

func main() { os.Exit(command.Main()) }
