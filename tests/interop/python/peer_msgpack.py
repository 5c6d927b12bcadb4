import sys

import msgpack

import common


def extra(v):
    if isinstance(v, msgpack.Timestamp):
        return "time(%d,%d)" % (v.seconds, v.nanoseconds)
    if isinstance(v, msgpack.ExtType):
        return "ext(%d,h'%s')" % (v.code, bytes(v.data).hex())


version = ".".join(map(str, msgpack.version))
if sys.argv[1] == "default":
    common.serve(version, msgpack.unpackb, msgpack.packb, extra)
else:
    common.serve(
        version,
        lambda b: msgpack.unpackb(b, strict_map_key=False, use_list=False, unicode_errors="surrogateescape"),
        lambda v: msgpack.packb(v, datetime=True, unicode_errors="surrogateescape"),
        extra,
    )
