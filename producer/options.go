package producer

import (
	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
)

// Options say how to open a producer. The zero value, and nil, mean the defaults.
type Options struct {
	// NoCreate refuses, with fs.ErrNotExist, to make a queue that is absent.
	NoCreate bool
	// Create says what the queue is like if it is made. Default: shmq.Options{}.
	Create shmq.Options
	// Codec turns values into bytes; Raw does not use it. It is called by one
	// goroutine at a time. Default: codec.Msgpack().
	Codec codec.Codec
}

func (o *Options) attach(name string) (*shmq.Attachment, error) {
	if o == nil {
		o = &Options{}
	}
	return shmq.Attach(name, shmq.Producer, &shmq.AttachOptions{NoCreate: o.NoCreate, Create: o.Create})
}

func (o *Options) codec() codec.Codec {
	if o == nil || o.Codec == nil {
		return codec.Msgpack()
	}
	return o.Codec
}
