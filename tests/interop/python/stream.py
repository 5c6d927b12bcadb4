"""Reads the values of a stream, adds a field to each, and writes it."""

import sys

import msgpack

for v in msgpack.Unpacker(sys.stdin.buffer, strict_map_key=False):
    v["Seen"] = "Python"
    sys.stdout.buffer.write(msgpack.packb(v))
