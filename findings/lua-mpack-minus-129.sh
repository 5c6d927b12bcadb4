#!/usr/bin/env bash
# lua-mpack 1.0.7 with libmpack 1.0.5 (Lua, Debian 12) writes -129 as an int of 8 bits and
# -32769 as one of 16, which are 127 and 32767. All integers beside them are right.
# One would have guessed 16 and 32 bits.
source "$(dirname "$0")/common"
deb lua5.3=5.3.6-2 lua-mpack=1.0.7-2 libmpack0=1.0.5-3

libs=$(dirname usr/lib/*/libmpack.so.0)
LUA_CPATH="$libs/lua/5.3/?.so" LD_LIBRARY_PATH=$libs usr/bin/lua5.3 - <<'L' | seen '-128 -128
-129 127
-130 -130
-32768 -32768
-32769 32767
-32770 -32770'
local mpack = require "mpack"
for _, n in ipairs { -128, -129, -130, -32768, -32769, -32770 } do
	print(string.format("%d %d", n, mpack.unpack(mpack.pack(n))))
end
L
