package shmqprom_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/shmq/shmq/consumer"
)

// TestMain makes the test's binary a consumer where holdQueue is set: it takes a record, says
// so, and keeps it until it is killed, or until its standard input ends.
func TestMain(m *testing.M) {
	if path := os.Getenv(holdQueue); path != "" {
		hold(path)
		return
	}
	os.Exit(m.Run())
}

const holdQueue = "SHMQPROM_TEST_HOLD"

func hold(path string) {
	c, err := consumer.OpenRaw(path, nil)
	leases := make([]consumer.Lease, 1)
	if err == nil {
		_, err = c.TryLeaseBatch(leases)
	}
	fmt.Println("holds", err)
	_, _ = os.Stdin.Read(make([]byte, 1))
	leases[0].Ack()
	_ = c.Close()
}
