import common
import msgspec


def extra(v):
    if isinstance(v, msgspec.msgpack.Ext):
        return "ext(%d,h'%s')" % (v.code, bytes(v.data).hex())


common.serve(msgspec.__version__, msgspec.msgpack.decode, msgspec.msgpack.encode, extra)
