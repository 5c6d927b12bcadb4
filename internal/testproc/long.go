package testproc

import "os"

// Long reports whether tests are asked for their long form: SHMQ_LONG=1.
func Long() bool { return os.Getenv("SHMQ_LONG") == "1" }
