import sys

import common
import ormsgpack


class Ext:
    def __init__(self, tag, data):
        self.tag, self.data = tag, data


def send(v):
    if isinstance(v, Ext):
        return ormsgpack.Ext(v.tag, v.data)
    raise TypeError


if sys.argv[1] == "default":
    common.serve(ormsgpack.__version__, ormsgpack.unpackb, ormsgpack.packb)
else:
    option = ormsgpack.OPT_NON_STR_KEYS | ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT
    common.serve(
        ormsgpack.__version__,
        lambda b: ormsgpack.unpackb(b, option=option, ext_hook=Ext),
        lambda v: ormsgpack.packb(v, default=send, option=option),
        lambda v: "ext(%d,h'%s')" % (v.tag, v.data.hex()) if isinstance(v, Ext) else None,
    )
