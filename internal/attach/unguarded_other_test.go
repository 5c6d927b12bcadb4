//go:build linux && !(amd64 || arm64)

package attach_test

import "github.com/shmq/shmq/internal/testproc"

// otherHandler has nothing to replace: there is no guard by a handler here.
func otherHandler(*testproc.Child) {}
