module github.com/shmq/shmq/codec/compare

go 1.25.0

replace github.com/shmq/shmq => ../..

require (
	github.com/shamaton/msgpack/v3 v3.1.0
	github.com/shmq/shmq v0.0.0-00010101000000-000000000000
	github.com/tinylib/msgp v1.6.5
	github.com/vmihailenco/msgpack/v5 v5.4.1
)

require (
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
)
