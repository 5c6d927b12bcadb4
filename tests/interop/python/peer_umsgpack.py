import common
import umsgpack


def extra(v):
    if isinstance(v, umsgpack.Ext):
        return "ext(%d,h'%s')" % (v.type, v.data.hex())
    if isinstance(v, umsgpack.InvalidString):
        return "InvalidString: h'%s'" % v.hex()


common.serve(".".join(map(str, umsgpack.version)), umsgpack.unpackb, umsgpack.packb, extra)
