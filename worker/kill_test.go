package worker_test

import "github.com/shmq/shmq/internal/testproc"

func killable(c *testproc.Child) {}
func bury(c *testproc.Child)     {}
