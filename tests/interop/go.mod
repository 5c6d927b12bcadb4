module github.com/shmq/shmq/tests/interop

go 1.25.0

require (
	github.com/shamaton/msgpack/v3 v3.1.0
	github.com/shmq/shmq v0.0.0
	github.com/tinylib/msgp v1.6.5
	github.com/vmihailenco/msgpack/v5 v5.4.1
)

require (
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/sys v0.40.0 // indirect
)

replace github.com/shmq/shmq => ../..
