package selector_test

import "github.com/shmq/shmq/internal/testproc"

func waiter(c *testproc.Child) {}
