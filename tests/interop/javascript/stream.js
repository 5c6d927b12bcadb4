// Reads the values of a stream, adds a field to each, and writes it.
'use strict'
const { encode, decodeMultiStream } = require('@msgpack/msgpack')

async function main () {
  for await (const v of decodeMultiStream(process.stdin, { useBigInt64: true })) {
    v.Seen = 'JavaScript'
    process.stdout.write(encode(v, { useBigInt64: true }))
  }
}

main()
