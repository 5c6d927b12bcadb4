package rpc

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
)

// A request names the answer queue into which its server is to write. Who may send requests can
// also read those of others, as all lie in the same memory; so a name alone, or a number that
// stands in a request, would let a client have a server write into the answer queue of another,
// or, by a link that it has put there, into a queue that it could not open itself.
//
// So a request has a MAC (GMAC, which is AES-GCM without a plaintext), whose key is made of the
// creation id of the answer queue: 16 random bytes in the header of that file. They stand in no
// request. Who can make the MAC can read the file; the file's mode lets the same users write it. The MAC covers
// the payload, too: a request that another participant has changed is not carried out.
//
// The nonce is the number of the call. It is used once with a key, since the key goes with the answer
// queue, and that with its client.

// seal makes and checks the MACs of one client's requests. It is safe for concurrent use.
type seal struct{ cipher.AEAD }

func newSeal(creationID [16]byte) (seal, error) {
	key := sha256.Sum256(append([]byte("shmq rpc request 1\x00"), creationID[:]...))
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		return seal{}, err
	}
	gcm, err := cipher.NewGCM(block)
	return seal{gcm}, err
}

// close sets the MAC of a record of appendRequest.
func (s seal) close(record []byte, call uint64) {
	mac, covered := sealed(record)
	s.append(mac[:0], covered, call)
}

// holds reports whether a request is as its client made it.
func (s seal) holds(record []byte, call uint64) bool {
	mac, covered := sealed(record)
	var room [macSize]byte
	return subtle.ConstantTimeCompare(mac, s.append(room[:0], covered, call)) == 1
}

func (s seal) append(dst, covered []byte, call uint64) []byte {
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[:], call)
	return s.Seal(dst, nonce[:], nil, covered)
}
