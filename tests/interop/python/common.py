"""What the Python peers share: the text of a value, the values written here, the protocol."""

import datetime
import sys

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)


def text(s):
    out = ['"']
    for c in s:
        o = ord(c)
        if 0xDC80 <= o <= 0xDCFF:  # surrogateescape: a byte that is not UTF-8
            out.append("\\x%02x" % (o - 0xDC00))
        elif c in '"\\':
            out.append("\\" + c)
        elif o < 0x20 or o == 0x7F:
            out.append("\\u%04x" % o)
        else:
            out.append(c)
    return "".join(out) + '"'


def show(v, extra):
    """The text of v; extra knows the types of one library, and returns None for others."""
    if (s := extra(v)) is not None:
        return s
    if v is None:
        return "nil"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return str(v)
    if isinstance(v, float):
        return "f(%r)" % v
    if isinstance(v, str):
        return text(v)
    if isinstance(v, (bytes, bytearray, memoryview)):
        return "h'%s'" % bytes(v).hex()
    if isinstance(v, (list, tuple)):
        return "[" + ", ".join(show(e, extra) for e in v) + "]"
    if isinstance(v, dict):
        entries = sorted(show(k, extra) + ": " + show(e, extra) for k, e in v.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(v, datetime.datetime):
        if v.tzinfo is None:
            return "datetime without a zone: " + v.isoformat()
        d = v - EPOCH
        return "time(%d,%d)" % (d.days * 86400 + d.seconds, d.microseconds * 1000)
    return type(v).__name__ + ": " + str(v)


def utc(*args):
    return datetime.datetime(*args, tzinfo=UTC)


def values():
    """The values that Python writes, by the names that the Go side knows."""
    for n in (0, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1,
              2**63, 2**64 - 1, -1, -32, -33, -128, -129, -32768, -32769, -2**31, -2**31 - 1, -2**63, 2**70):
        yield "int %d" % n, n
    yield "milliseconds", 1700000000000
    for f in (5.0, -0.0, 0.1, 1e300, 1e16, float("inf"), float("nan")):
        yield "float %s" % ("%g" % f), f
    yield "price", 5.0
    yield "small float", 0.1
    yield "nil", None
    yield "true", True
    yield "text", "h\u00e9"
    yield "empty text", ""
    yield "text of 300", "t" * 300
    yield "bin", b"\x00\xff"
    yield "empty bin", b""
    yield "list", [1, 2]
    yield "empty list", []
    yield "map", {"k": 7}
    yield "empty map", {}
    yield "int keys", {1: "x"}
    yield "int to int", {1: 2}
    yield "mixed keys", {1: "i", "1": "s"}
    yield "time", utc(2020, 1, 1, 0, 0, 0, 500000)
    yield "time 1969", utc(1969, 12, 31, 23, 59, 58, 500000)
    yield "time 2600", utc(2600, 1, 1)
    yield "record", {"Name": "Ada", "Grade": 1.0, "Tags": None}


def message(e):
    return "!" + " ".join((type(e).__name__ + ": " + str(e)).split())


def serve(version, decode, encode, extra=lambda v: None):
    """Answers each line of hex with the value's text, a tab, and its bytes when written again."""
    print(version)
    for line in sys.stdin:
        try:
            v = decode(bytes.fromhex(line))
        except Exception as e:
            print(message(e))
            continue
        try:
            back = encode(v).hex()
        except Exception as e:
            back = message(e)
        print(show(v, extra) + "\t" + back)
    print("written")
    for name, v in values():
        try:
            print(name + "\t" + encode(v).hex())
        except Exception as e:
            print(name + "\t" + message(e))
